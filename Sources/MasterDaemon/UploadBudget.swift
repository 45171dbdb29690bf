import JobModel
import Protocol
import Scheduler
import Synchronization

/// The uploaded bytes that wait, and their limit. Transfers ask before they accept a byte; the decision loop reports changes.
///
/// Waiting bytes are the inputs of images that have not ended (*queued*), and uploads that no image refers to yet (*unclaimed*):
/// those under way, and those of clients that add their images once the rest of a batch has arrived. Unclaimed bytes alone must
/// not fill the budget permanently, or every client would wait for the others: the oldest job that asks is measured by the queued
/// bytes only.
final class UploadBudget: Sendable {
    fileprivate struct State {
        var queued: UInt64 = 0
        var unclaimed: UInt64 = 0
        var underWay: UInt64 = 0
        /// The oldest job that was held up, and the time of its last request.
        var turn: (job: UInt64, askedAt: Instant)?
        var pacer = RetryPacer()
        var askedToWait: UInt64 = 0

        var waiting: UInt64 { queued + unclaimed + underWay }
    }

    /// A job without a request for this long, which is more than any client is told to wait, has gone.
    private static let longestSilence = Duration.seconds(90)

    private let limit: UInt64
    private let state = Mutex(State())

    init(limit: UInt64) { self.limit = limit }

    var counters: UploadCounters {
        state.withLock { state in
            UploadCounters(
                waitingByteCount: state.waiting, byteCountUnderWay: state.underWay, askedToWait: state.askedToWait)
        }
    }

    // MARK: Transfers

    /// A client wants to upload a blob for `job` (0: unknown).
    ///
    /// - Returns: the refusal; `nil` when the bytes are reserved. Then `uploadEnded` must follow.
    func uploadBegan(byteCount: UInt64, job: UInt64, at now: Instant) -> SchedulerRefusal? {
        state.withLock { state in
            let (need, limit) = (Int(clamping: byteCount), Int(clamping: limit))
            guard need <= limit else {
                return .overLimit(
                    what: "bytes of one image", need: need, have: 0, limit: limit, setting: "max-queued-bytes")
            }
            if state.waiting + byteCount > self.limit,
                !(Self.takesTurn(job, at: now, &state) && state.queued + byteCount <= self.limit)
            {
                state.askedToWait += 1
                return .overloaded(
                    Overload(
                        what: "bytes of images that have not ended", need: need, have: Int(clamping: state.waiting),
                        limit: limit, setting: "max-queued-bytes", retryAfter: state.pacer.delay(at: now)))
            }
            state.underWay += byteCount
            return nil
        }
    }

    /// The upload of that many bytes has ended, successfully or not.
    func uploadEnded(byteCount: UInt64) { state.withLock { $0.underWay -= byteCount } }

    private static func takesTurn(_ job: UInt64, at now: Instant, _ state: inout State) -> Bool {
        guard job > 0 else { return false }
        if let turn = state.turn, turn.job < job, now - turn.askedAt < longestSilence { return false }
        state.turn = (job, now)
        return true
    }

    // MARK: The decision loop

    /// An image of the job was added: it is another job's turn.
    func claimed(by job: JobID) {
        state.withLock { state in if state.turn?.job == job.rawValue { state.turn = nil } }
    }

    /// Notes what waits beside the uploads under way, as of the latest turn.
    ///
    /// - Parameters:
    ///   - queued: bytes of the inputs of images that have not ended.
    ///   - unclaimed: uploaded bytes to which no image refers yet.
    func noted(queued: UInt64, unclaimed: UInt64, at now: Instant) {
        state.withLock { state in
            if queued < state.queued { state.pacer.completed(at: now) }
            state.queued = queued
            state.unclaimed = unclaimed
        }
    }
}
