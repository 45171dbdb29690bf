import Kernels
import Pipelines
import JobModel

/// Merges the summaries of a stage's chunks to one value per chunk, one for all of them, or a document: the order `reduce`. Not
/// collective.
struct ReduceTask {
    var plans = PlanCache()

    func run(
        _ spec: TaskSpec, summaries: String, byteCounts: [UInt64], payload: String
    ) throws(RankFailure) -> RankOutput {
        do {
            guard case .reduce(let index) = spec.task.step else {
                throw RankFailure(.workerError, "task \(spec.task) is not a reduction")
            }
            let stage = try plans.plan(for: spec).stage(index)
            guard byteCounts.count == stage.chunks.count else {
                throw RankFailure(
                    .workerError, "task \(spec.task) has \(byteCounts.count) summaries for \(stage.chunks.count) chunks"
                )
            }
            let values: [[UInt8]]
            switch stage.epilogue {
            case .aggregate(let step):
                let finalized = try step.kernel.finalize(try cut(summaries, byteCounts))
                // All chunks share one value then, and it may be large: the table of a 16-bit image has 128 KiB.
                values = step.appliesRowByRow ? Array(finalized.prefix(1)) : finalized
            case .report(let step): values = [try step.kernel.document(try cut(summaries, byteCounts))]
            case .rows, .columns, .segments:
                throw RankFailure(.workerError, "task \(spec.task): stage \(index) ends in no summaries")
            }
            let byteCount = try OutputFile.create(payload).write(values)
            let offsets = values.reduce(into: [UInt64(0)]) { $0.append($0[$0.count - 1] + UInt64($1.count)) }
            return RankOutput(payloadByteCount: UInt64(byteCount), valueOffsets: offsets)
        } catch {
            throw RankFailure(error)
        }
    }

    private func cut(_ path: String, _ byteCounts: [UInt64]) throws(RankFailure) -> [[UInt8]] {
        var rest = try MappedFile.contents(of: path)[...]
        let total = byteCounts.reduce(UInt64(0)) { $0 &+ $1 }
        guard byteCounts.allSatisfy({ $0 <= UInt64(rest.count) }), total == UInt64(rest.count) else {
            throw RankFailure(.workerError, "\(path) has \(rest.count) bytes; the summaries are said to have \(total)")
        }
        return byteCounts.map { count in
            defer { rest = rest.dropFirst(Int(count)) }
            return [UInt8](rest.prefix(Int(count)))
        }
    }
}
