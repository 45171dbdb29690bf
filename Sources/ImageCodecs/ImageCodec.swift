import ImageFormats
import JobModel
import Kernels
import Pipelines

/// The half of a file format that touches pixels.
public protocol ImageDecoding: ImageFormat {
    /// Opens a file that is in memory.
    ///
    /// - Parameter file: the whole file; it must stay, unchanged, as long as the decoder is used.
    func decoder(of file: UnsafeRawBufferPointer, limits: DecodingLimits) throws(CodecError) -> any ImageDecoder
}

/// The half of an output format that touches pixels.
public protocol ImageEncoding: OutputFormat {
    /// - Parameter shape: the whole output image.
    func encoder(of shape: ImageShape) -> any SegmentEncoder

    /// Whether this machine encodes to the same bytes as every other one.
    var isReproducible: Bool { get }

    /// The metadata in the form that `frame` takes. What the format has no place for is left out.
    func framed(_ metadata: ImageMetadata) -> [UInt8]
}

/// Delivers the rows of an image file from top to bottom, in the layout of the image's shape. Belongs to one thread at a time.
public protocol ImageDecoder: AnyObject {
    var header: ImageHeader { get }

    /// The row that comes next.
    var nextRow: Int { get }

    /// Reads the next rows, one after the other without padding.
    ///
    /// - Parameters:
    ///   - destination: room for `count` rows of `header.shape.bytesPerRow`, aligned for its samples.
    ///   - count: at most as many rows as are left.
    /// - Throws: `CodecError` (corrupt). With the last row, everything that follows has been checked too.
    func readRows(into destination: UnsafeMutableRawPointer, count: Int) throws(CodecError)

    /// The metadata of the file that belongs to an output as well, as `format.frame` takes it. Complete after the last row.
    ///
    /// - Parameters:
    ///   - stripping: what is not carried over.
    ///   - output: the shape of the output.
    ///   - effect: what the pipeline does to what metadata speaks of.
    func metadata(
        for format: any ImageEncoding, stripping: MetadataStripping, output: ImageShape, effect: MetadataEffect
    ) -> [UInt8]

    /// What was passed over or left out, for the file's owner. Complete after the last row.
    var remarks: [ImageRemark] { get }
}

/// Encodes rows of an output image to segments, each by itself. Belongs to one thread at a time.
public protocol SegmentEncoder: AnyObject {
    /// Encodes all rows of `rows` and hands out the segments as they are made, in order.
    ///
    /// - Parameters:
    ///   - rows: rows of an image of the encoder's shape. They begin at a segment's first row and end with a segment's last.
    ///   - emit: takes the bytes of one segment, which are gone when it returns.
    /// - Returns: the checksum of the segments.
    func encode(_ rows: RowsView, emit: (UnsafeRawBufferPointer) throws -> Void) rethrows -> SegmentChecksum
}

/// Image files in memory, whatever their format.
public enum ImageFile {
    /// Opens a file.
    ///
    /// - Parameter file: the whole file; it must stay, unchanged, as long as the decoder is used.
    public static func decoder(
        of file: UnsafeRawBufferPointer, limits: DecodingLimits = DecodingLimits()
    ) throws(CodecError) -> any ImageDecoder {
        let format = try ImageFormats.format(ofFileBeginning: Array(file.prefix(ImageFormats.sniffedByteCount)))
        guard let format = format as? any ImageDecoding else {
            throw .unsupported("This program cannot decode \(format.name.uppercased()) files.")
        }
        return try format.decoder(of: file, limits: limits)
    }

    /// A whole decoded image.
    public struct Decoded: Sendable {
        public let shape: ImageShape
        /// The rows one after the other without padding, 16-bit samples in the machine's byte order.
        public let pixels: [UInt8]
        /// For an output in a format, with pixels of a format.
        public let metadata: [UInt8]
    }

    /// Decodes a whole file, without its metadata.
    public static func decode(
        _ file: [UInt8], limits: DecodingLimits = DecodingLimits()
    ) throws(CodecError) -> Decoded {
        let result = file.withUnsafeBytes { bytes in
            Result { () throws(CodecError) in
                let (shape, pixels, _) = try decode(bytes, limits)
                return Decoded(shape: shape, pixels: pixels, metadata: [])
            }
        }
        return try result.get()
    }

    /// Decodes a whole file.
    ///
    /// - Parameters:
    ///   - format: the format of an output that the metadata is for.
    ///   - effect: what the pipeline does to what metadata speaks of.
    ///   - output: the shape of that output, for an image of that shape.
    public static func decode(
        _ file: [UInt8], limits: DecodingLimits = DecodingLimits(), metadataFor format: any ImageEncoding,
        stripping: MetadataStripping = .none, effect: MetadataEffect, output: (ImageShape) throws -> ImageShape
    ) throws -> Decoded {
        try file.withUnsafeBytes { bytes in
            let (shape, pixels, decoder) = try decode(bytes, limits)
            return Decoded(
                shape: shape, pixels: pixels,
                metadata: decoder.metadata(
                    for: format, stripping: stripping, output: try output(shape), effect: effect))
        }
    }

    private static func decode(
        _ file: UnsafeRawBufferPointer, _ limits: DecodingLimits
    ) throws(CodecError) -> (ImageShape, [UInt8], any ImageDecoder) {
        let decoder = try decoder(of: file, limits: limits)
        let shape = decoder.header.shape
        let rows = UnsafeMutableRawBufferPointer.allocate(byteCount: shape.byteCount, alignment: 16)
        defer { rows.deallocate() }
        try decoder.readRows(into: rows.baseAddress.unsafelyUnwrapped, count: shape.height)
        return (shape, [UInt8](rows), decoder)
    }

    /// Encodes an image of which `rows` has all rows.
    public static func encode(
        _ rows: RowsView, metadata: [UInt8] = [], to format: any ImageEncoding
    ) throws -> [UInt8] {
        precondition(rows.rows == 0..<rows.shape.height, "rows \(rows.rows) of \(rows.shape.height)")
        var segments: [UInt8] = []
        let checksum = format.encoder(of: rows.shape).encode(rows) { segments.append(contentsOf: $0) }
        let frame = try format.frame(
            of: rows.shape, metadata: metadata, checksum: checksum, segments: SegmentBytes([segments]))
        return frame.prefix + segments + frame.suffix
    }
}

extension ImageFormats {
    /// The output format of that name, with its encoder; `nil` for a name that is unknown.
    public static func encoding(named name: String) -> (any ImageEncoding)? {
        output(named: name) as? any ImageEncoding
    }

}
