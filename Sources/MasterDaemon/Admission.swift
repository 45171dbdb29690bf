import BlobStore
import ImageFormats
import ImagingModel
import Pipelines
import JobModel
import Scheduler

/// Looks at an input's header before any worker sees it: a file that is not an image, is too large, or is unsuitable for the
/// pipeline is refused at once. Reads what is before the image data, and decodes nothing. Blocking.
struct Admission: Sendable {
    let blobs: LocalBlobStore
    var limits = DecodingLimits()

    /// - Throws: `BlobStoreError` when the input cannot be read.
    func examine(_ input: BlobReference, for job: JobDescription) throws -> ImageDescription.Admission {
        let reader = try blobs.open(input)
        let header: ImageHeader
        do {
            var limits = limits
            limits.maximumPixelCount = job.options.maximumPixelCount
            header = try ImageFormats.probe(byteCount: input.byteCount, limits: limits) { offset, count in
                try reader.read(at: offset, count: count)
            }
        } catch let error as CodecError {
            return .refused(Failure(error.cause, error.reason))
        }
        do throws(PipelineError) {
            let pipeline = try PipelineCache.shared.pipeline(job.pipeline)
            _ = try ProcessingPlan(
                pipeline: pipeline, input: header.shape, chunkByteCount: Int(clamping: job.options.chunkByteCount))
        } catch {
            return .refused(Failure(error.cause, error.message))
        }
        return .accepted(ImageGeometry(header.shape), needsWholeImage: header.needsWholeImage)
    }
}
