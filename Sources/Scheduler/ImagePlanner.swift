import ImagingModel
import JobModel
import Pipelines

/// Makes plans. The tests have one of their own, to schedule plans of any form.
protocol ImagePlanner: Sendable {
    /// The pipeline's normal form.
    mutating func canonicalText(of pipeline: String) throws(PipelineError) -> String

    /// The plan for an image. Depends on nothing but its arguments.
    mutating func plan(
        pipeline: String, geometry: ImageGeometry, chunkByteCount: UInt64
    ) throws(PipelineError) -> ImagePlan
}

/// Plans by the operation catalogue, and remembers the latest plans: a batch is mostly images of the same size.
struct CatalogueImagePlanner: ImagePlanner {
    private struct Key: Hashable {
        var pipeline: String
        var geometry: ImageGeometry
        var chunkByteCount: UInt64
    }

    /// Above this many, all are forgotten: they are cheap to make again.
    private static let maximumRemembered = 256
    private let pipelines: PipelineCache
    private var plans: [Key: ImagePlan] = [:]

    init(pipelines: PipelineCache = .shared) { self.pipelines = pipelines }

    mutating func canonicalText(of pipeline: String) throws(PipelineError) -> String {
        try pipelines.pipeline(pipeline).canonicalText
    }

    mutating func plan(
        pipeline text: String, geometry: ImageGeometry, chunkByteCount: UInt64
    ) throws(PipelineError) -> ImagePlan {
        let key = Key(pipeline: text, geometry: geometry, chunkByteCount: chunkByteCount)
        if let plan = plans[key] { return plan }
        let plan = try ImagePlan(
            pipeline: try pipelines.pipeline(text), geometry: geometry, chunkByteCount: chunkByteCount)
        if plans.count >= Self.maximumRemembered { plans.removeAll(keepingCapacity: true) }
        plans[key] = plan
        return plan
    }
}

extension ImagePlan {
    init(pipeline: Pipeline, geometry: ImageGeometry, chunkByteCount: UInt64) throws(PipelineError) {
        let plan = try ProcessingPlan(
            pipeline: pipeline, input: try ImageShape(geometry), chunkByteCount: Int(clamping: chunkByteCount))
        let output = ImageGeometry(plan.output)
        if plan.isSingleTask {
            self.init(whole: geometry, output: output, isDocument: pipeline.resultKind == .json)
        } else {
            self.init(geometry: geometry, output: output, bands: plan.bands, stages: plan.stages.map(Stage.init))
        }
    }
}

extension ImagePlan.Stage {
    init(_ stage: Pipelines.Stage) {
        self.init(
            inputBytesPerRow: stage.input.bytesPerRow,
            outputBytesPerRow: stage.output.bytesPerRow,
            inputWidth: stage.input.width,
            transposedInput: stage.transposedInput,
            prologue: stage.prologue.map { $0.appliesRowByRow ? .sharedValue : .valuePerChunk } ?? .none,
            epilogue: stage.epilogue.kind,
            chunks: stage.chunks,
            inputRows: (0..<stage.chunks.count).map { stage.inputRows(forChunk: $0) })
    }
}
