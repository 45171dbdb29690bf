import ImagingModel
import Pipelines
import JobModel
import MasterMachine
import Retrying
import Scheduler
import WorkerMachine

// What tasks give: the right result, or a wrong one that the checkers know.

extension Simulation {
    /// Bytes of a value that a task gives for a chunk.
    static var valueByteCount: UInt64 { 10 }
    static var segmentChecksum: SegmentChecksum { SegmentChecksum([1, 0, 0, 0, 1]) }

    /// What the bytes of the task's payload are, where the master can see it.
    func content(of spec: TaskSpec) -> ReportedContent? {
        guard let plan = plan(of: spec) else { return nil }
        switch spec.task.step {
        case .whole: return .file(ImageGeometry(plan.output), encoding: spec.coding.encoding)
        case .decode, .reduce: return nil
        case .chunk(let stage, let index):
            let stage = plan.stages[Int(stage)]
            guard stage.epilogue.kind == .segments else { return nil }
            return .segments(
                rowCount: stage.chunks[Int(index)].count, of: ImageGeometry(plan.output), encoding: spec.coding.encoding
            )
        }
    }

    /// Whether the worker computes the task wrongly; drawn once.
    func isWrong(_ lease: LeaseID, at number: Int) -> Bool {
        if let known = workers[number].wrong[lease] { return known }
        let strikes = workers[number].miscomputes.strikes(lease.task.step, using: &auditRandom)
        workers[number].wrong[lease] = strikes
        resultCounts[number, default: (0, 0)].all += 1
        if strikes {
            resultCounts[number]?.wrong += 1
            firstWrongAt = firstWrongAt ?? timeline.now
        }
        if strikes { trace.noteFault("computes a wrong result, worker", number, at: timeline.now) }
        return strikes
    }

    /// What tells a wrong result from the right one, and from those that others computed wrongly.
    func wrongName(of lease: LeaseID, at number: Int) -> String {
        workers[number].miscomputes == .always ? " wrong by \(number)" : " wrong by \(number) as \(lease)"
    }

    func presentRun(of number: Int) -> WrongResults.Run { WrongResults.Run(worker: number, run: workers[number].run) }

    /// The result that every sound attempt of the task has, by releases of one revision: results are deterministic. Of wrong
    /// inputs everybody computes the same wrong result.
    ///
    /// - Parameter wrongName: what tells the result of an attempt that is not sound from the right one.
    func output(
        of spec: TaskSpec, _ revision: UInt32, _ wrongName: String = "", by run: WrongResults.Run? = nil
    ) -> TaskOutput? {
        let mark = wrong.mark(of: (spec.inputs + [spec.value].compactMap { $0 }).map(\.blob.digest))
        let suffix = (mark.map { " of wrong \($0.name)" } ?? "") + wrongName
        let authors = (mark?.authors ?? []).union([run].compactMap { $0 })
        guard let output = output(of: spec, revision, suffix: suffix) else { return nil }
        if !authors.isEmpty { for blob in output.blobs { wrong.note(blob, authors) } }
        return output
    }

    func output(of spec: TaskSpec, _ revision: UInt32, suffix: String) -> TaskOutput? {
        let name = "\(spec.task) by \(revision)\(suffix)"
        guard let plan = plan(of: spec) else { return nil }
        switch spec.task.step {
        case .whole:
            let result = BlobReference.result(
                of: spec.pipeline, on: spec.inputs[0].blob.digest, spec.coding, revision: revision)
            return TaskOutput(
                payload: suffix.isEmpty ? result : .named("\(result.digest)\(suffix)", byteCount: 1_000))
        case .decode where spec.isInPieces:
            let count = UInt64(plan.stages[0].chunks.count)
            return TaskOutput(
                payload: .named("\(name).payload", byteCount: Self.valueByteCount * count),
                metadata: .named("\(name).metadata", byteCount: 50),
                valueOffsets: (0...count).map { Self.valueByteCount * $0 })
        case .decode: return TaskOutput(metadata: .named("\(name).metadata", byteCount: 50))
        case .reduce(let stage):
            let stage = plan.stages[Int(stage)]
            let count =
                if case .aggregate(let step) = stage.epilogue, !step.appliesRowByRow { stage.chunks.count } else { 1 }
            return TaskOutput(
                payload: .named("\(name).payload", byteCount: Self.valueByteCount * UInt64(count)),
                valueOffsets: (0...count).map { Self.valueByteCount * UInt64($0) })
        case .chunk(let stage, let index):
            let stage = plan.stages[Int(stage)]
            let rows = stage.chunks[Int(index)].count
            let rawByteCount = UInt64(rows * stage.output.bytesPerRow)
            switch stage.epilogue {
            case .segments:
                return TaskOutput(
                    payload: .named("\(name).payload", byteCount: 1_000), checksum: Self.segmentChecksum)
            case .rows, .columns: return TaskOutput(payload: .named("\(name).payload", byteCount: rawByteCount))
            case .report: return TaskOutput(payload: .named("\(name).payload", byteCount: 1_024))
            case .aggregate:
                return TaskOutput(
                    payload: .named("\(name).payload", byteCount: rawByteCount),
                    summary: .named("\(name).summary", byteCount: 1_024))
            }
        }
    }

    func plan(of spec: TaskSpec) -> ProcessingPlan? {
        guard let shape = try? ImageShape(spec.geometry),
            let pipeline = try? PipelineCache.shared.pipeline(spec.pipeline)
        else { return nil }
        let plan = try? ProcessingPlan(
            pipeline: pipeline, input: shape, chunkByteCount: Int(spec.chunkByteCount), grid: SegmentGrid(spec.coding))
        if plan == nil { violate(.leases, "task \(spec.task) was granted without a plan") }
        return plan
    }
}

extension TaskOutput {
    /// The blobs that it names.
    var blobs: [BlobReference] { [payload, summary, metadata].compactMap { $0 } }
}
