import ImageFormats
import Pipelines

extension JPEGFormat: ImageDecoding, ImageEncoding {
    public func decoder(
        of file: UnsafeRawBufferPointer, limits: DecodingLimits
    ) throws(CodecError) -> any ImageDecoder {
        try JPEGReader(file, limits: limits)
    }

    public func encoder(of shape: ImageShape) -> any SegmentEncoder { JPEGSegmentEncoder(self, shape: shape) }

    public var isReproducible: Bool { JPEGSegmentEncoder.isReproducible }

    public func framed(_ metadata: ImageMetadata) -> [UInt8] { JPEGMetadata.framed(metadata) }
}
