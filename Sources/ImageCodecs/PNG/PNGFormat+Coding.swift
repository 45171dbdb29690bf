import ImageFormats
import JobModel
import Kernels
import Pipelines

extension PNGFormat: ImageDecoding, ImageEncoding {
    public func decoder(
        of file: UnsafeRawBufferPointer, limits: DecodingLimits
    ) throws(CodecError) -> any ImageDecoder {
        try PNGReader(file, limits: limits)
    }

    public func encoder(of shape: ImageShape) -> any SegmentEncoder { PNGSegmentEncoder(shape: shape) }

    public var isReproducible: Bool { PNGSegmentEncoder.isReproducible }
}

extension PNGReader: ImageDecoder {
    public func metadata(for format: any OutputFormat, pixels: PixelFormat, effect: MetadataEffect) -> [UInt8] {
        format is PNGFormat ? metadata.framed(for: pixels, from: header.shape.format, effect: effect) : []
    }
}

extension PNGSegmentEncoder: SegmentEncoder {
    public func encode(
        _ rows: RowsView, emit: (UnsafeRawBufferPointer) throws -> Void
    ) rethrows -> SegmentChecksum {
        let checksum: FilteredChecksum = try encode(rows, emit: emit)
        return checksum.opaque
    }
}
