import BlobStore
import ImageFormats
import ImagingModel
import Pipelines
import JobModel
import Scheduler

/// Looks at an input's header before any worker sees it: a file that is not an image, is too large, or is unsuitable for the
/// pipeline is refused at once. Reads what is before the image data, and decodes nothing. Blocking.
///
/// It also makes the input durable. The peer that put it may have said that it can be computed again; the input of a job that is
/// about to be acknowledged cannot.
struct Admission: Sendable {
    let blobs: LocalBlobStore
    let limits: PlanLimits
    var decoding = DecodingLimits()

    /// - Throws: `BlobStoreError` when the input cannot be read.
    func examine(_ name: String, _ input: BlobReference, for job: JobDescription) throws -> ImageOffer {
        let (admission, planSize) = try examine(input, for: job)
        return ImageOffer(name: name, input: input, admission: admission, planSize: planSize)
    }

    private func examine(
        _ input: BlobReference, for job: JobDescription
    ) throws -> (ImageDescription.Admission, PlanSize?) {
        let reader = try blobs.open(input)
        try blobs.makeDurable(input.digest)
        if let objection = try attachmentObjection(job) { return (.refused(objection), nil) }
        let header: ImageHeader
        let format: any ImageFormat
        let encoding: OutputEncoding
        var decoding = decoding
        do {
            decoding.maximumPixelCount = job.options.maximumPixelCount
            decoding.options = try DecodingOptions(parsing: job.options.decoding)
            (format, header) = try ImageFormats.identify(byteCount: input.byteCount, limits: decoding) {
                offset, count in
                try reader.read(at: offset, count: count)
            }
            encoding = try OutputEncoding(request: job.options.encoding, ofInput: format, header)
        } catch let error as CodecError {
            return (.refused(Failure(error.cause, error.reason)), nil)
        }
        do {
            // The size is all that admission needs of the plan: it is made when the image is begun.
            let isDocument = try PipelineCache.shared.pipeline(job.pipeline).resultKind.isDocument
            let coding = Self.coding(of: header, decoding.options, as: isDocument ? nil : encoding)
            let pipeline = try PipelineCache.shared.pipeline(coding.pipeline(job.pipeline))
            let chunkByteCount = job.options.chunkByteCount
            let plan = try Self.plan(for: header.shape, by: pipeline, coding, chunkByteCount: chunkByteCount)
            if !isDocument, let objection = encoding.format.objection(to: plan.output) {
                return (.refused(Failure(objection.cause, objection.reason)), nil)
            }
            let geometry = ImageGeometry(header.shape)
            let pieces = try self.pieces(of: header, format, decoding, plan, byteCount: input.byteCount, reader)
            if let pieces {
                let admission = ImageDescription.Admission.accepted(geometry, coding: coding, pieces: pieces)
                return (admission, plan.size(isInPieces: true))
            }
            let size = plan.size
            let objection = limits.objection(to: size, of: geometry, chunkByteCount: chunkByteCount) { other in
                try? Self.plan(for: header.shape, by: pipeline, coding, chunkByteCount: other).size
            }
            if let objection { return (.refused(objection), nil) }
            return (.accepted(geometry, needsWholeImage: header.needsWholeImage, coding: coding), size)
        } catch let error as PipelineError {
            return (.refused(Failure(error.cause, error.message)), nil)
        } catch let error as CodecError {
            return (.refused(Failure(error.cause, error.reason)), nil)
        }
    }

    /// Why what the job's pipeline attaches cannot be decoded; `nil` when it can. It is made durable like an input.
    private func attachmentObjection(_ job: JobDescription) throws -> Failure? {
        for attachment in job.attachments {
            let reader = try blobs.open(attachment)
            try blobs.makeDurable(attachment.digest)
            do {
                _ = try ImageFormats.identify(byteCount: attachment.byteCount, limits: .ofAttachments) {
                    offset, count in
                    try reader.read(at: offset, count: count)
                }
            } catch let error as CodecError {
                return Failure(error.cause, "The image that the pipeline puts over this one: \(error.reason)")
            }
        }
        return nil
    }

    /// What is known of the file's pieces, where chunks should read it by these; see `PieceLayout.isWorthReading`.
    ///
    /// A file that is decoded leniently has a decode step: only that sees each damaged piece once.
    private func pieces(
        of header: ImageHeader, _ format: any ImageFormat, _ decoding: DecodingLimits, _ plan: ProcessingPlan,
        byteCount: UInt64, _ reader: BlobReader
    ) throws -> PieceFacts? {
        guard let format = format as? any PieceFormat, !header.needsWholeImage, !decoding.options.isLenient,
            format.listsPieces || !plan.isSingleTask, limits.admits(plan.size(isInPieces: true))
        else { return nil }
        let layout: (any PieceLayout)? = try format.pieces(byteCount: byteCount, limits: decoding) { offset, count in
            try reader.read(at: offset, count: count)
        }
        guard let layout, layout.isWorthReading(plan, fileByteCount: byteCount) else { return nil }
        return layout.facts
    }

    /// What the job asks for, made out for this file.
    ///
    /// - Parameter encoding: `nil` for a document, which has no format to choose.
    private static func coding(
        of header: ImageHeader, _ decoding: DecodingOptions, as encoding: OutputEncoding?
    ) -> ImageCoding {
        var coding = ImageCoding(
            decoding: decoding.text, orientation: decoding.keepsOrientation ? 1 : header.orientation)
        guard let encoding else { return coding }
        let grid = encoding.format.segmentGrid
        coding.encoding = encoding.text
        coding.segmentByteCount = UInt64(grid.byteCount)
        coding.rowsPerBlock = UInt32(grid.rowsPerBlock)
        return coding
    }

    private static func plan(
        for shape: ImageShape, by pipeline: Pipeline, _ coding: ImageCoding, chunkByteCount: UInt64
    ) throws(PipelineError) -> ProcessingPlan {
        try ProcessingPlan(
            pipeline: pipeline, input: shape, chunkByteCount: Int(clamping: chunkByteCount), grid: SegmentGrid(coding))
    }
}
