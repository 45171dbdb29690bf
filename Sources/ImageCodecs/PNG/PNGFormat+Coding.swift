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

    public func framed(_ metadata: ImageMetadata) -> [UInt8] { PNGMetadata(metadata).framed }
}

extension PNGReader: ImageDecoder {
    public func metadata(
        for format: any ImageEncoding, stripping: MetadataStripping, output: ImageShape, effect: MetadataEffect
    ) -> [UInt8] {
        let input = header.shape.format
        // Chunks stay as they are.
        if format is PNGFormat, stripping == .none {
            return metadata.framed(for: output, from: input, effect: effect)
        }
        return format.framed(metadata.neutral.stripped(stripping).adapted(to: output, from: input, effect: effect))
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
