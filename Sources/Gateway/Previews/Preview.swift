import GatewayLogic
import ImageCodecs
import ImageFormats
import JobModel
import Kernels
import Pipelines
import SystemCalls

/// A picture of what a pipeline makes of an image.
struct Preview: Sendable {
    /// A PNG file with the pixel format of the result.
    var png: [UInt8]
    /// Why its pixels may be others than those of the result; `nil` when they are the same.
    var approximation: String?
    /// The shape of the whole result.
    var result: ImageShape
}

/// Makes previews: the same kernels as the cluster's, in one strip.
struct PreviewMaker: Sendable {
    /// Pixels that a step may make.
    let maximumPixelCount: Int
    /// The pipeline that is previewed.
    let pipeline: Pipeline
    let stop: PreviewStop

    /// Threads of one preview: somebody waits for it, and mostly nobody else.
    private static let threadCount = min(4, Machine.processorCount)
    /// The longer side of the copy that whole-image operations look at instead of the image.
    static let valuesSide = 512

    /// What the pipeline makes of a reduced copy of the image.
    func overview(of copy: DecodedPicture, from source: ImageShape) throws -> Preview {
        let (reduced, whole) = try pipelines(for: copy, of: source)
        let plan = try RowsPlan(reduced, of: copy.shape)
        try check(plan)
        let rows = try executor(plan).run(on: copy.rows(0..<copy.shape.height)).rows
        let isWhole = copy.shape == source
        return Preview(
            png: try Self.png(rows, columns: 0..<rows.shape.width),
            approximation: pipeline.resultKind.isDocument ? "document" : isWhole ? nil : "reduced",
            result: whole)
    }

    /// A part of the result, pixel for pixel.
    ///
    /// - Parameter copy: gives a reduced copy of the image, where one is needed.
    func region(
        x: Int, y: Int, width: Int, height: Int, of source: PreviewSource, copy: () throws -> DecodedPicture
    ) throws -> Preview {
        let upright = try upright(source.orientation)
        let result = try upright.shapes(from: source.shape).last ?? source.shape
        guard x + width <= result.width, y + height <= result.height else {
            throw Problem.invalid(
                "/region",
                "the region reaches to column \(x + width) and row \(y + height), but the result has \(result.width) x \(result.height) pixels"
            )
        }
        let rows = y..<y + height
        var plan = try RowsPlan(upright, of: source.shape, rows: rows)
        var values: RowsExecutor.Values = []
        if !isAffordable(plan, source) {
            plan = try RowsPlan(upright, of: source.shape, rows: rows, sight: .nearbyRows)
            try check(plan)
            guard isAffordable(plan, source) else { throw Self.readsTooMuch }
            if !plan.shortSighted.isEmpty { values = self.values(try copy(), of: source.shape) }
        }
        let made = try source.withRows { read in
            try executor(plan, values).run(on: try read(plan.inputRows)).rows
        }
        return Preview(
            png: try Self.png(made, columns: x..<x + width),
            approximation: pipeline.resultKind.isDocument ? "document" : plan.shortSighted.first,
            result: result)
    }

    // MARK: Parts

    private func executor(_ plan: RowsPlan, _ values: RowsExecutor.Values = []) -> RowsExecutor {
        RowsExecutor(plan, values: values, threadCount: Self.threadCount, check: stop.check)
    }

    /// The pipeline behind the turn that makes the image upright, with a picture for its result.
    private func upright(_ orientation: UInt8) throws -> Pipeline {
        try PipelineCache.shared.pipeline(
            ImageCoding(orientation: orientation).pipeline(try pipeline.givingPicture().canonicalText))
    }

    /// The pipeline for the copy, and the shape of the result of the image itself.
    private func pipelines(for copy: DecodedPicture, of source: ImageShape) throws -> (Pipeline, ImageShape) {
        let whole = try upright(copy.orientation)
        let result = try whole.shapes(from: source).last ?? source
        guard copy.shape != source else { return (whole, result) }
        let (along, across) = (
            Double(copy.shape.width) / Double(source.width), Double(copy.shape.height) / Double(source.height)
        )
        let isTurned = copy.orientation >= 5
        let reduced = try pipeline.givingPicture().reduced(
            horizontal: isTurned ? across : along, vertical: isTurned ? along : across)
        let pipeline = try PipelineCache.shared.pipeline(
            ImageCoding(orientation: copy.orientation).pipeline(reduced.canonicalText))
        do throws(PipelineError) {
            _ = try pipeline.shapes(from: copy.shape)
        } catch {
            throw Problem(
                422, "not-previewed",
                "an overview of \(copy.shape.width) x \(copy.shape.height) pixels is too small for this pipeline (\(error.message)); look at a region"
            )
        }
        return (pipeline, result)
    }

    /// What whole-image operations make of the copy; nothing where that cannot be found out.
    private func values(_ copy: DecodedPicture, of source: ImageShape) -> RowsExecutor.Values {
        guard let (reduced, _) = try? pipelines(for: copy, of: source),
            let plan = try? RowsPlan(reduced, of: copy.shape), plan.largestPixelCount <= maximumPixelCount,
            let made = try? RowsExecutor(plan, check: stop.check).run(on: copy.rows(0..<copy.shape.height))
        else { return [] }
        return made.values
    }

    private func isAffordable(_ plan: RowsPlan, _ source: PreviewSource) -> Bool {
        plan.largestPixelCount <= maximumPixelCount
            && plan.inputRows.count * source.shape.bytesPerRow <= PreviewSource.heldByteCount
    }

    private func check(_ plan: RowsPlan) throws(Problem) {
        guard plan.largestPixelCount <= maximumPixelCount else {
            throw Problem(
                413, "over-limit",
                "a step of the pipeline makes \(plan.largestPixelCount) pixels for this preview; \(maximumPixelCount) are allowed (preview-pixels): look at fewer rows, or a smaller overview"
            )
        }
    }

    private static let readsTooMuch = Problem(
        413, "over-limit",
        "the preview needs more rows of the image than are held in memory at a time (\(PreviewSource.heldByteCount >> 20) MiB); look at fewer rows, or an overview"
    )

    private static func png(_ rows: RowBuffer, columns: Range<Int>) throws -> [UInt8] {
        guard let format = ImageFormats.encoding(named: "png") else {
            throw CodecError.unsupported("This program cannot write PNG files.")
        }
        return try withExtendedLifetime(rows) {
            let part = RowBuffer(copying: columns, of: rows.view)
            let shape = ImageShape(width: columns.count, height: rows.rows.count, format: rows.shape.format)
            return try withExtendedLifetime(part) {
                let bytes = part.view.bytes
                guard let base = bytes.baseAddress else { preconditionFailure("a preview has at least one pixel") }
                return try ImageFile.encode(RowsView(shape: shape, rows: 0..<shape.height, base: base), to: format)
            }
        }
    }
}
