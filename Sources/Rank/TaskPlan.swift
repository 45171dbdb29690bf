import Imaging
import JobModel

/// What a task's spec means: the parsed pipeline and the plan that follows from it, the same on every rank.
struct TaskPlan {
    let spec: TaskSpec
    let plan: ProcessingPlan

    init(_ spec: TaskSpec) throws {
        self.spec = spec
        guard let chunkByteCount = Int(exactly: spec.chunkByteCount), chunkByteCount > 0 else {
            throw RankFailure(.workerError, "chunks of \(spec.chunkByteCount) bytes; at least 1 is allowed")
        }
        plan = try ProcessingPlan(
            pipeline: Pipeline(parsing: spec.pipeline), input: ImageShape(spec.geometry), chunkByteCount: chunkByteCount
        )
    }

    /// The stage of that number.
    func stage(_ index: UInt16) throws(RankFailure) -> Stage {
        guard Int(index) < plan.stages.count else {
            throw RankFailure(.workerError, "task \(spec.task) is of stage \(index); the plan has \(plan.stages.count)")
        }
        return plan.stages[Int(index)]
    }
}

extension ImageShape {
    init(_ geometry: ImageGeometry) throws(RankFailure) {
        guard let layout = ChannelLayout(rawValue: geometry.channelCount),
            let depth = SampleDepth(rawValue: geometry.bitsPerSample), geometry.width > 0, geometry.height > 0
        else { throw RankFailure(.workerError, "\(geometry) is the geometry of no image") }
        self.init(
            width: Int(geometry.width), height: Int(geometry.height), format: PixelFormat(layout, depth))
    }
}
