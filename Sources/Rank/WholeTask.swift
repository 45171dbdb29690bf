import Glibc
import ImageCodecs
import ImageFormats
import Kernels
import Pipelines
import JobModel

/// Computes a decoded image from its first stage to the encoded file, or the document: the order `computeWhole`. Collective.
///
/// Each stage is one part. Between two stages the rows go through a file in shared memory, since the next one may need
/// any of them on any rank (a rotation does).
struct WholeTask<Ranks: StripCommunicator> {
    let ranks: Ranks
    var plans = PlanCache()
    var progress: (Int, Int) -> Void = { _, _ in }
    var isCancelled: () -> Bool = { false }

    /// - Returns: the facts of the result; complete on rank 0 only.
    func run(_ spec: TaskSpec, input: String, metadata: String, payload: String) throws(RankFailure) -> RankOutput {
        let (task, framed, attachments) = try ranks.agree {
            (
                try plans.plan(for: spec), ranks.rank == 0 ? try MappedFile.contents(of: metadata) : [],
                try plans.attachments.load(spec, beside: payload)
            )
        }
        defer { withExtendedLifetime(attachments) {} }
        let plan = task.plan
        var source = input
        defer { if source != input, ranks.rank == 0 { unlink(source) } }
        var value: [UInt8] = []
        for (index, stage) in plan.stages.enumerated() {
            let rows = 0..<stage.output.height
            let mapped = try ranks.agree { try MappedFile(source, byteCount: stage.input.byteCount) }
            defer { withExtendedLifetime(mapped) {} }
            let runner = StageRunner(
                stage, rows: rows, ranks: ranks,
                progress: { done, total in progress(index * total + done, plan.stages.count * total) },
                isCancelled: isCancelled)
            let strip = try runner.compute(mapped.bytes, holding: 0..<stage.input.height, value: value)
            if stage.epilogue.kind == .segments {
                return try write(runner.encode(strip, to: task.format), task, framed, to: payload)
            }
            if case .report(let step) = stage.epilogue {
                let kernel = step.kernel
                return try write(try runner.aggregate(strip, with: kernel), reportedBy: kernel, to: payload)
            }
            let next = "\(payload).stage-\(index)"
            try keep(strip, runner, in: next)
            // Every rank has mapped the file by now, so that its name can go.
            if source != input, ranks.rank == 0 { unlink(source) }
            source = next
            if case .aggregate(let step) = stage.epilogue {
                let kernel = step.kernel
                let partial = try runner.aggregate(strip, with: kernel)
                do { value = try kernel.finalize([partial])[0] } catch { throw RankFailure(error) }
            }
        }
        preconditionFailure("the last stage ends with segments or a report")
    }

    private func write(
        _ summary: [UInt8], reportedBy kernel: any ReportKernel, to path: String
    ) throws(RankFailure) -> RankOutput {
        let byteCount = try ranks.agree {
            ranks.rank == 0 ? try OutputFile.create(path).write([try kernel.document([summary])]) : 0
        }
        return RankOutput(payloadByteCount: UInt64(byteCount))
    }

    private func keep(
        _ strip: StageRunner<Ranks>.Strip, _ runner: StageRunner<Ranks>, in path: String
    ) throws(RankFailure) {
        let created = try ranks.agree { ranks.rank == 0 ? try OutputFile.create(path) : nil }
        let file = try ranks.agree { try created ?? OutputFile.join(path) }
        try runner.write(strip, to: file)
    }

    private func write(
        _ segments: GatheredSegments?, _ task: TaskPlan, _ metadata: [UInt8], to path: String
    ) throws(RankFailure) -> RankOutput {
        let byteCount = try ranks.agree {
            guard let segments else { return 0 }
            let frame = try task.format.frame(
                of: task.plan.output, metadata: metadata, checksum: segments.checksum,
                segments: SegmentBytes(segments.parts))
            return try OutputFile.create(path).write([frame.prefix] + segments.parts + [frame.suffix])
        }
        return RankOutput(payloadByteCount: UInt64(byteCount))
    }
}
