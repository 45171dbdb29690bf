import JobModel
import MPI

/// Ghost rows to send: memory that stays as it is until the exchange is over.
struct OutgoingRows {
    let peer: Int
    let bytes: UnsafeRawBufferPointer
}

/// Room for ghost rows to come: not to be touched until the exchange is over.
struct IncomingRows {
    let peer: Int
    let bytes: UnsafeMutableRawBufferPointer
}

/// How the ranks that share a chunk talk. Every call is collective: each rank makes the same calls in the same order.
protocol StripCommunicator {
    /// This rank's number, from 0.
    var rank: Int { get }
    /// How many ranks there are.
    var size: Int { get }

    /// Every rank's bytes, in rank order, on each of them.
    func allGather(_ bytes: [UInt8]) -> [[UInt8]]

    /// Every rank's bytes, in rank order, on rank 0; `nil` on the others.
    func gather(_ bytes: [UInt8]) -> [[UInt8]]?

    /// Moves ghost rows while `work` runs; returns when both are over. Between two ranks rows arrive in the order in
    /// which they were sent.
    func exchange(_ outgoing: [OutgoingRows], _ incoming: [IncomingRows], while work: () -> Void)
}

extension StripCommunicator {
    /// Whether all ranks are well: each gives its failure or `nil`, and all throw the same one if any has one.
    ///
    /// This is what keeps an error that one rank finds from leaving the others waiting in the next collective call.
    func agree(_ failure: RankFailure?) throws(RankFailure) {
        for bytes in allGather(failure?.encoded() ?? []) where !bytes.isEmpty {
            do {
                throw try RankFailure(decoding: bytes)
            } catch let error as RankFailure {
                throw error
            } catch {
                throw RankFailure(.workerError, "a rank failed, and its reason cannot be read: \(error)")
            }
        }
    }

    /// Does `work`, which must not communicate, and agrees on how it went.
    func agree<Result>(on work: () throws -> Result) throws(RankFailure) -> Result {
        let result: Result
        do {
            result = try work()
        } catch {
            let failure = RankFailure(error)
            try agree(failure)
            throw failure
        }
        try agree(nil)
        return result
    }
}

extension Communicator: StripCommunicator {
    func exchange(_ outgoing: [OutgoingRows], _ incoming: [IncomingRows], while work: () -> Void) {
        var messages = PendingMessages(self)
        for rows in incoming { messages.receive(rows.bytes, from: rows.peer, tag: 0) }
        for rows in outgoing { messages.send(rows.bytes, to: rows.peer, tag: 0) }
        work()
        messages.wait()
    }
}
