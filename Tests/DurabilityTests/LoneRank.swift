import Foundation
import JobModel
import TestSupport

@testable import Rank

/// A world of one rank, in the calling thread.
struct LoneRank: StripCommunicator {
    let rank = 0
    let size = 1

    func allGather(_ bytes: [UInt8]) -> [[UInt8]] { [bytes] }
    func gather(_ bytes: [UInt8]) -> [[UInt8]]? { [bytes] }

    func exchange(_ outgoing: [OutgoingRows], _ incoming: [IncomingRows], while work: () -> Void) {
        precondition(outgoing.isEmpty && incoming.isEmpty, "a lone rank has no neighbours")
        work()
    }

    /// Carries out the order of a task in parts.
    static func carryOut(_ order: RankOrder, _ takeBand: @escaping PlanRunner.TakeBand) async throws -> RankReply {
        do {
            switch order {
            case .decode(let spec, let input, let directory):
                var bands: [(UInt32, String)] = []
                let metadata = try DecodeTask(publish: { index, path, _ in bands.append((index, path)) })
                    .run(spec, input: input, directory: directory)
                for (index, path) in bands { try await takeBand(index, path) }
                return .decoded(metadata: metadata.path, byteCount: metadata.byteCount, remarks: metadata.remarks)
            case .compute(let spec, let input, let value, let payload, let summary, let rows):
                return .finished(
                    try ChunkTask(ranks: LoneRank())
                        .run(spec, input: input, value: value, payload: payload, summary: summary, rows: rows))
            case .reduce(let spec, let summaries, let byteCounts, let payload):
                return .finished(
                    try ReduceTask().run(spec, summaries: summaries, byteCounts: byteCounts, payload: payload))
            case .findPieces, .inputArrived, .computeWhole, .ready, .bandTaken, .cancel, .shutdown:
                preconditionFailure("\(order) is not the order of a task in parts")
            }
        } catch let failure as RankFailure {
            return .failed(failure.cause, reason: failure.reason)
        }
    }
}
