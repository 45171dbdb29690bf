import ImageCodecs
import ImageFormats
import ImagingModel
import JobModel
import Pipelines

/// What a task's spec means: the parsed pipeline and the plan that follows from it, the same on every rank.
struct TaskPlan {
    let spec: TaskSpec
    let plan: ProcessingPlan

    /// The format in which the result is encoded, and which metadata it does not carry.
    let format: any ImageEncoding
    let stripping: MetadataStripping
    let decoding: DecodingOptions

    /// The same plan for another task of the same image.
    func with(_ spec: TaskSpec) -> TaskPlan {
        TaskPlan(spec: spec, plan: plan, format: format, stripping: stripping, decoding: decoding)
    }

    private init(
        spec: TaskSpec, plan: ProcessingPlan, format: any ImageEncoding, stripping: MetadataStripping,
        decoding: DecodingOptions
    ) {
        self.spec = spec
        self.plan = plan
        self.format = format
        self.stripping = stripping
        self.decoding = decoding
    }

    /// Parses and plans.
    init(_ spec: TaskSpec) throws {
        self.spec = spec
        (format, stripping, decoding) = try Self.coding(spec.coding)
        guard let chunkByteCount = Int(exactly: spec.chunkByteCount), chunkByteCount > 0 else {
            throw RankFailure(.workerError, "chunks of \(spec.chunkByteCount) bytes; at least 1 is allowed")
        }
        plan = try ProcessingPlan(
            pipeline: try Self.pipeline(spec.pipeline), input: ImageShape(spec.geometry),
            chunkByteCount: chunkByteCount, grid: SegmentGrid(spec.coding))
        guard format.segmentGrid == SegmentGrid(spec.coding) else {
            throw RankFailure(
                .workerError,
                "this worker's release cuts \(format.name.uppercased()) files otherwise than the master's; install the master's release "
                    + "on this worker too")
        }
    }

    /// - Throws: a failure of the worker: the master knows the format.
    private static func coding(
        _ coding: ImageCoding
    ) throws(RankFailure) -> (any ImageEncoding, MetadataStripping, DecodingOptions) {
        do {
            let encoding = try OutputEncoding(parsing: coding.encoding)
            guard let format = encoding.format as? any ImageEncoding else {
                throw CodecError.unsupported("This program cannot write \(encoding.format.name.uppercased()) files.")
            }
            return (format, encoding.stripping, try DecodingOptions(parsing: coding.decoding))
        } catch {
            throw RankFailure(
                .workerError,
                "this worker's release cannot read or write files as the master's can: \(error); install the master's release on "
                    + "this worker too")
        }
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
