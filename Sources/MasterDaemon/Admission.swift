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
        let header: ImageHeader
        do {
            var decoding = decoding
            decoding.maximumPixelCount = job.options.maximumPixelCount
            header = try ImageFormats.probe(byteCount: input.byteCount, limits: decoding) { offset, count in
                try reader.read(at: offset, count: count)
            }
        } catch let error as CodecError {
            return (.refused(Failure(error.cause, error.reason)), nil)
        }
        do throws(PipelineError) {
            // The size is all that admission needs of the plan: it is made when the image is begun.
            let pipeline = try PipelineCache.shared.pipeline(job.pipeline)
            let chunkByteCount = job.options.chunkByteCount
            let size = try Self.planSize(of: header.shape, by: pipeline, chunkByteCount: chunkByteCount)
            let geometry = ImageGeometry(header.shape)
            let objection = limits.objection(to: size, of: geometry, chunkByteCount: chunkByteCount) { other in
                try? Self.planSize(of: header.shape, by: pipeline, chunkByteCount: other)
            }
            if let objection { return (.refused(objection), nil) }
            return (.accepted(geometry, needsWholeImage: header.needsWholeImage), size)
        } catch {
            return (.refused(Failure(error.cause, error.message)), nil)
        }
    }

    private static func planSize(
        of shape: ImageShape, by pipeline: Pipeline, chunkByteCount: UInt64
    ) throws(PipelineError) -> PlanSize {
        try ProcessingPlan(pipeline: pipeline, input: shape, chunkByteCount: Int(clamping: chunkByteCount)).size
    }
}
