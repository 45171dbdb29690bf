import ImageFormats
import Pipelines

extension JPEGFormat: PieceDecoding, ImageEncoding {
    public func decoder(
        of file: UnsafeRawBufferPointer, limits: DecodingLimits
    ) throws(CodecError) -> any ImageDecoder {
        try JPEGReader(file, limits: limits)
    }

    public func pieceSource(
        byteCount: UInt64, limits: DecodingLimits, read: (_ offset: UInt64, _ count: Int) throws -> [UInt8]
    ) throws -> any PieceSource {
        try JPEGPieceSource(byteCount: byteCount, limits: limits, read: read)
    }

    public func pieceDecoder(of layout: JPEGLayout) -> any PieceDecoder { JPEGPieceDecoder(layout) }

    public func encoder(of shape: ImageShape) -> any SegmentEncoder { JPEGSegmentEncoder(self, shape: shape) }

    public var isReproducible: Bool { JPEGSegmentEncoder.isReproducible }

    public func framed(_ metadata: ImageMetadata) -> [UInt8] { JPEGMetadata.framed(metadata) }
}
