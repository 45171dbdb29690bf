import ImageFormats
import Pipelines

extension WebPFormat: ImageDecoding, ImageEncoding {
    public func decoder(
        of file: UnsafeRawBufferPointer, limits: DecodingLimits
    ) throws(CodecError) -> any ImageDecoder {
        try WebPReader(file, limits: limits)
    }

    public func encoder(of shape: ImageShape) -> any SegmentEncoder { WebPEncoder(self, shape: shape) }

    public var isReproducible: Bool { WebPEncoder.isReproducible }

    public func framed(_ metadata: ImageMetadata) -> [UInt8] { WebPMetadata.framed(metadata) }
}
