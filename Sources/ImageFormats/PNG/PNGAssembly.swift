import Checksums
import Pipelines

/// Puts a PNG file together from segments that were encoded elsewhere. Plain Swift, and touches no pixel.
///
///     prefix:     signature | IHDR | metadata | IDAT (zlib header)
///     segments:   IDAT | IDAT | ...
///     suffix:     IDAT (final empty block, Adler-32) | IEND
public enum PNGAssembly {
    /// Signature and IHDR.
    static func header(output: ImageShape) throws(CodecError) -> [UInt8] {
        guard max(output.width, output.height) <= 0x7fff_ffff else {
            throw .overLimit(
                "An image of \(output.width) x \(output.height) pixels is too large for PNG: a side may have at most 2147483647."
            )
        }
        let colorType: PNGColorType =
            switch output.format.layout {
            case .gray: .gray
            case .grayAlpha: .grayAlpha
            case .rgb: .rgb
            case .rgba: .rgba
            }
        let header =
            bigEndianBytes(UInt32(output.width)) + bigEndianBytes(UInt32(output.height))
            + [output.format.depth.rawValue, colorType.rawValue, 0, 0, 0]
        return PNGLayout.signature + PNGLayout.chunk(.header, header)
    }

    /// All that comes before the segments.
    ///
    /// - Parameters:
    ///   - output: the whole image.
    ///   - metadata: chunks as `PNGMetadata.framed(for:from:)` returns them.
    public static func prefix(output: ImageShape, metadata: [UInt8]) throws(CodecError) -> [UInt8] {
        try header(output: output) + metadata + PNGLayout.chunk(.imageData, ZlibFraming.start)
    }

    /// All that comes after the segments.
    ///
    /// - Parameter adler32: of all segments' filtered bytes, in order: `Adler32.combine`.
    public static func suffix(adler32: UInt32) -> [UInt8] {
        PNGLayout.chunk(.imageData, ZlibFraming.end + bigEndianBytes(adler32)) + PNGLayout.chunk(.end, [])
    }
}
