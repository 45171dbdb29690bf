import BlobStore
import ImageCodecs
import Imaging
import JobModel
import Scheduler

/// Looks at an input's header before any worker sees it: what is no image, too large, or unsuitable for the pipeline is
/// refused at once. Reads a few hundred bytes; decodes nothing. Blocking.
struct Admission: Sendable {
    let blobs: FolderBlobStore

    /// - Throws: `BlobStoreError` when the input can not be read.
    func examine(_ input: BlobReference, for job: JobDescription) throws -> ImageDescription.Admission {
        let reader = try blobs.open(input)
        let header: ImageHeader
        do {
            let limits = DecodingLimits(maximumPixelCount: job.options.maximumPixelCount)
            header = try ImageProbe.probe(byteCount: input.byteCount, limits: limits) { offset, count in
                try reader.read(at: offset, count: count)
            }
        } catch let error as CodecError {
            return .refused(Failure(error.cause, error.reason))
        }
        do throws(PipelineError) {
            let pipeline = try Pipeline(parsing: job.pipeline)
            _ = try ProcessingPlan(
                pipeline: pipeline, input: header.shape, chunkByteCount: Int(clamping: job.options.chunkByteCount))
        } catch {
            return .refused(Failure(.unsuitable, error.message))
        }
        return .accepted(ImageGeometry(header.shape))
    }
}

extension CodecError {
    /// The failure that an image with this error ends with.
    var cause: FailureCause {
        switch kind {
        case .corrupt: .corruptInput
        case .overLimit: .overLimit
        case .unsupported: .unsuitable
        }
    }
}

extension ImageGeometry {
    init(_ shape: ImageShape) {
        self.init(
            width: UInt32(shape.width), height: UInt32(shape.height), channelCount: UInt8(shape.format.channelCount),
            bitsPerSample: shape.format.depth.rawValue)
    }
}

extension ImageShape {
    /// - Returns: `nil` when the geometry names no pixel format or no pixels.
    init?(_ geometry: ImageGeometry) {
        guard let layout = ChannelLayout(rawValue: geometry.channelCount),
            let depth = SampleDepth(rawValue: geometry.bitsPerSample), geometry.width > 0, geometry.height > 0
        else { return nil }
        self.init(
            width: Int(geometry.width), height: Int(geometry.height), format: PixelFormat(layout, depth))
    }
}
