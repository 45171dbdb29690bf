import ImagingModel
import JobModel
import Pipelines

/// Makes plans. The tests have one of their own, to schedule plans of any form.
protocol ImagePlanner: Sendable {
    /// The pipeline's normal form.
    mutating func canonicalText(of pipeline: String) throws(PipelineError) -> String

    /// The plan for an image. Depends on nothing but its arguments.
    ///
    /// - Parameter pipeline: what is done to the decoded image; see `ImageCoding.pipeline`.
    mutating func plan(
        pipeline: String, image: AcceptedImage, chunkByteCount: UInt64
    ) throws(PipelineError) -> ImagePlan

    /// How large that plan is, by arithmetic: at admission and in replay nothing else is needed.
    mutating func size(
        pipeline: String, image: AcceptedImage, chunkByteCount: UInt64
    ) throws(PipelineError) -> PlanSize

    /// `size` is known: somebody computed it outside the thread that decides.
    mutating func remember(_ size: PlanSize, pipeline: String, image: AcceptedImage, chunkByteCount: UInt64)
}

extension ImagePlanner {
    mutating func size(
        pipeline: String, image: AcceptedImage, chunkByteCount: UInt64
    ) throws(PipelineError) -> PlanSize {
        try plan(pipeline: pipeline, image: image, chunkByteCount: chunkByteCount).size
    }

    mutating func remember(_ size: PlanSize, pipeline: String, image: AcceptedImage, chunkByteCount: UInt64) {}
}

/// Plans by the operation catalogue, and remembers the latest plans: a batch is mostly images of the same size.
struct CatalogueImagePlanner: ImagePlanner {
    private struct Key: Hashable {
        var pipeline: String
        var image: AcceptedImage
        var chunkByteCount: UInt64
    }

    private struct RememberedPlan {
        let plan: ImagePlan
        var lastUse: UInt64
    }

    /// Plans beyond it are forgotten, those that were used longest ago first: they can be made again.
    static let maximumRemembered = 256
    /// Bytes of remembered plans. The latest plan is remembered whatever its size: it is about to be used again.
    static let maximumRememberedByteCount = 32 << 20
    /// Above this many, all sizes are forgotten: they are cheap to compute again.
    private static let maximumRememberedSizes = 1_024

    private let pipelines: PipelineCache
    private var plans: [Key: RememberedPlan] = [:]
    private var useCount: UInt64 = 0
    /// Bytes of the plans that are remembered.
    private(set) var rememberedByteCount = 0
    private var sizes: [Key: PlanSize] = [:]

    init(pipelines: PipelineCache = .shared) { self.pipelines = pipelines }

    mutating func canonicalText(of pipeline: String) throws(PipelineError) -> String {
        try pipelines.pipeline(pipeline).canonicalText
    }

    mutating func plan(
        pipeline text: String, image: AcceptedImage, chunkByteCount: UInt64
    ) throws(PipelineError) -> ImagePlan {
        let key = Key(pipeline: text, image: image, chunkByteCount: chunkByteCount)
        useCount += 1
        if let plan = plans[key]?.plan {
            plans[key]?.lastUse = useCount
            return plan
        }
        let plan = try ImagePlan(
            pipeline: try pipelines.pipeline(text), image: image, chunkByteCount: chunkByteCount)
        makeRoom(for: plan.byteCount)
        plans[key] = RememberedPlan(plan: plan, lastUse: useCount)
        rememberedByteCount += plan.byteCount
        return plan
    }

    private mutating func makeRoom(for byteCount: Int) {
        while plans.count >= Self.maximumRemembered
            || (!plans.isEmpty && rememberedByteCount + byteCount > Self.maximumRememberedByteCount),
            let oldest = plans.min(by: { $0.value.lastUse < $1.value.lastUse })
        {
            plans[oldest.key] = nil
            rememberedByteCount -= oldest.value.plan.byteCount
        }
    }

    mutating func size(
        pipeline text: String, image: AcceptedImage, chunkByteCount: UInt64
    ) throws(PipelineError) -> PlanSize {
        if let size = sizes[Key(pipeline: text, image: image, chunkByteCount: chunkByteCount)] { return size }
        let size = try ProcessingPlan(
            pipeline: try pipelines.pipeline(text), input: try ImageShape(image.geometry),
            chunkByteCount: Int(clamping: chunkByteCount), grid: SegmentGrid(image.coding)
        ).size(isInPieces: image.pieces != nil)
        remember(size, pipeline: text, image: image, chunkByteCount: chunkByteCount)
        return size
    }

    mutating func remember(_ size: PlanSize, pipeline: String, image: AcceptedImage, chunkByteCount: UInt64) {
        if sizes.count >= Self.maximumRememberedSizes { sizes.removeAll(keepingCapacity: true) }
        sizes[Key(pipeline: pipeline, image: image, chunkByteCount: chunkByteCount)] = size
    }
}

extension ImagePlan {
    init(pipeline: Pipeline, image: AcceptedImage, chunkByteCount: UInt64) throws(PipelineError) {
        let plan = try ProcessingPlan(
            pipeline: pipeline, input: try ImageShape(image.geometry), chunkByteCount: Int(clamping: chunkByteCount),
            grid: SegmentGrid(image.coding))
        let output = ImageGeometry(plan.output)
        if plan.isSingleTask, image.pieces == nil {
            self.init(whole: image.geometry, output: output, isDocument: pipeline.resultKind.isDocument)
        } else {
            self.init(
                geometry: image.geometry, output: output, bands: plan.bands, stages: plan.stages.map(Stage.init),
                pieces: image.pieces)
        }
        coding = image.coding
        attachments = pipeline.attachments.map { BlobReference($0) }
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
            inputRows: (0..<stage.chunks.count).map { stage.inputRows(forChunk: $0) },
            attachments: stage.attachments.map { BlobReference($0) })
    }
}

extension ImagePlan {
    /// The size of the plan. Dependencies are those that it has; `PlanSize` of the catalogue's plans is an estimate from above.
    var size: PlanSize {
        PlanSize(
            taskCount: taskCount, dependencyCount: missingCounts.reduce(0) { $0 + Int($1) },
            largestValueCount: stages.reduce(isInPieces ? stages[0].chunks.count : 0) {
                max($0, $1.prologue == .valuePerChunk ? $1.chunks.count : 0)
            })
    }
}
