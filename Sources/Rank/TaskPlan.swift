import ImageCodecs
import ImageFormats
import ImagingModel
import JobModel
import Pipelines

/// What a task's spec means: the parsed pipeline and the plan that follows from it, the same on every rank.
struct TaskPlan {
    let spec: TaskSpec
    let plan: ProcessingPlan

    /// The format in which results are encoded.
    static let outputFormat: any ImageEncoding = {
        guard let format = ImageFormats.encoding(named: ImageFormats.standardOutput.name) else {
            preconditionFailure("results are written in a format that cannot be encoded")
        }
        return format
    }()

    init(spec: TaskSpec, plan: ProcessingPlan) {
        self.spec = spec
        self.plan = plan
    }

    /// Parses and plans.
    init(_ spec: TaskSpec) throws {
        self.spec = spec
        guard let chunkByteCount = Int(exactly: spec.chunkByteCount), chunkByteCount > 0 else {
            throw RankFailure(.workerError, "chunks of \(spec.chunkByteCount) bytes; at least 1 is allowed")
        }
        plan = try ProcessingPlan(
            pipeline: try Self.pipeline(spec.pipeline), input: ImageShape(spec.geometry),
            chunkByteCount: chunkByteCount, grid: Self.outputFormat.segmentGrid)
    }

    /// - Throws: a failure of the worker: the master could read the pipeline, so that an operation or a parameter that this
    ///   program does not know is of a newer release. Another worker may know it.
    private static func pipeline(_ text: String) throws(RankFailure) -> Pipeline {
        do {
            return try Pipeline(parsing: text)
        } catch {
            throw RankFailure(
                .workerError,
                "this worker's release cannot read the pipeline, which the master's can: \(error.message); install the master's "
                    + "release on this worker too")
        }
    }

    /// The stage of that number.
    func stage(_ index: UInt16) throws(RankFailure) -> Stage {
        guard Int(index) < plan.stages.count else {
            throw RankFailure(.workerError, "task \(spec.task) is of stage \(index); the plan has \(plan.stages.count)")
        }
        return plan.stages[Int(index)]
    }
}
