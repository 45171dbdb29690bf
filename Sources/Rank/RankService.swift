import Glibc
import JobModel
import MPI

/// A rank's life: one order after the other, until the worker says shutdown or is gone.
struct RankService {
    let ranks: Communicator
    let link: WorkerLink
    let inbox: OrderInbox
    /// What an order may take in all.
    let memoryByteCount: UInt64
    private let plans = PlanCache()

    init(ranks: Communicator, link: WorkerLink, inbox: OrderInbox, memoryByteCount: UInt64) {
        self.ranks = ranks
        self.link = link
        self.inbox = inbox
        self.memoryByteCount = memoryByteCount
    }

    func run() -> Never {
        while true {
            switch inbox.next() {
            case .ready, .cancel, .bandTaken, .inputArrived:
                // A cancel, a credit or a part of a file for an order that is already answered: harmless.
                continue
            case .shutdown:
                ranks.finish()
                exit(0)
            case .decode(let spec, let input, let directory):
                answer { () throws(RankFailure) in try decode(spec, input, directory) }
            case .findPieces(let spec, let input, let payload, let metadata):
                answer { () throws(RankFailure) in try findPieces(spec, input, payload, metadata) }
            case .reduce(let spec, let summaries, let byteCounts, let payload):
                answer { () throws(RankFailure) in
                    .finished(
                        try ReduceTask(plans: plans).run(
                            spec, summaries: summaries, byteCounts: byteCounts, payload: payload))
                }
            case .compute(let spec, let input, let value, let payload, let summary, let rows):
                let task = ChunkTask(ranks: ranks, plans: plans, progress: report, isCancelled: { inbox.isCancelled })
                answer { () throws(RankFailure) in
                    .finished(
                        try task.run(
                            spec, input: input, value: value, payload: payload, summary: summary, rows: rows))
                }
            case .computeWhole(let spec, let input, let metadata, let payload):
                let task = WholeTask(ranks: ranks, plans: plans, progress: report, isCancelled: { inbox.isCancelled })
                answer { () throws(RankFailure) in
                    .finished(try task.run(spec, input: input, metadata: metadata, payload: payload))
                }
            }
        }
    }

    /// Does `work`; rank 0 tells how it went.
    private func answer(_ work: () throws(RankFailure) -> RankReply) {
        let reply: RankReply
        do {
            reply = try work()
        } catch {
            reply = .failed(error.cause, reason: error.reason)
        }
        if ranks.rank == 0 { link.send(reply) }
    }

    private func report(_ done: Int, _ total: Int) {
        if ranks.rank == 0 { link.send(.progress(done: UInt64(done), total: UInt64(total))) }
    }

    private func decode(_ spec: TaskSpec, _ input: String, _ directory: String) throws(RankFailure) -> RankReply {
        var untaken = 0
        let task = DecodeTask(
            plans: plans, memoryByteCount: memoryByteCount,
            publish: { index, path, byteCount throws(RankFailure) in
                link.send(.band(index: index, path: path, byteCount: byteCount))
                untaken += 1
                while untaken >= RankOrder.decodeCredit {
                    switch inbox.next() {
                    case .bandTaken: untaken -= 1
                    case .cancel: throw .cancelled
                    case .shutdown: exit(0)
                    case .ready, .decode, .findPieces, .inputArrived, .compute, .computeWhole, .reduce:
                        Communicator.abort("the worker sent another order while one was in progress")
                    }
                }
            }, isCancelled: { inbox.isCancelled })
        let metadata = try task.run(spec, input: input, directory: directory)
        return .decoded(metadata: metadata.path, byteCount: metadata.byteCount, remarks: metadata.remarks)
    }

    private func findPieces(
        _ spec: TaskSpec, _ input: String, _ payload: String, _ metadata: String
    ) throws(RankFailure) -> RankReply {
        let task = FindPiecesTask(
            plans: plans,
            read: { offset, count throws(RankFailure) in
                link.send(.needs(offset: offset, byteCount: UInt64(count)))
                switch inbox.next() {
                case .inputArrived: return try MappedFile.contents(of: input, byteCount: count)
                case .cancel: throw .cancelled
                case .shutdown: exit(0)
                case .ready, .decode, .bandTaken, .findPieces, .compute, .computeWhole, .reduce:
                    Communicator.abort("the worker sent another order while one was in progress")
                }
            }, isCancelled: { inbox.isCancelled })
        let found = try task.run(spec, payload: payload, metadata: metadata)
        return .found(found.output, metadataByteCount: found.metadataByteCount, remarks: found.remarks)
    }
}
