import ImageFormats
import Pipelines
import Checksums

/// Delivers the rows of an image from top to bottom, in the layout of the image's shape.
protocol PNGRowSource: AnyObject {
    /// Reads the next `count` rows to `destination`, one after the other without padding.
    func readRows(into destination: UnsafeMutableRawPointer, count: Int) throws(CodecError)

    /// Checks what comes after the last row, which has been read.
    func finish() throws(CodecError)
}

/// Decodes a PNG file that is in memory, row by row.
///
/// Rows come as `header.shape` says: palettes expanded to RGB, 1, 2 and 4 bits to 8, transparent colours to an alpha
/// channel, 16-bit samples in the machine's byte order. Strict: a wrong checksum of any chunk or of the pixels, a missing
/// end, too few or too many pixels are errors, whatever could still be shown.
///
/// Memory is a few rows and 1 MiB, whatever the size of the image; but an interlaced image is decoded as a whole when its
/// first rows are asked for, at most `DecodingLimits.maximumInterlacedByteCount`.
///
/// Belongs to one thread at a time.
public final class PNGReader {
    public let header: ImageHeader
    public let metadata: PNGMetadata
    /// The row that comes next.
    public private(set) var nextRow = 0
    private let source: any PNGRowSource

    /// Which code decodes the rows. Both deliver the same bytes.
    package enum Engine {
        case automatic
        case libpng
    }

    /// Reads everything but the image data: all chunks are there and intact, or this throws.
    ///
    /// - Parameter bytes: the whole file; it must stay, unchanged, as long as the reader is used.
    public convenience init(
        _ bytes: UnsafeRawBufferPointer, limits: DecodingLimits = DecodingLimits()
    ) throws(CodecError) {
        try self.init(bytes, limits: limits, engine: .automatic)
    }

    package init(_ bytes: UnsafeRawBufferPointer, limits: DecodingLimits, engine: Engine) throws(CodecError) {
        let contents = try PNGContents(bytes, limits: limits)
        header = ImageHeader(contents.header)
        metadata = contents.metadata
        // libpng has its say about every file, and about interlaced rows the only one.
        let reference = try LibPNGRowSource(bytes, contents)
        if contents.header.isInterlaced || engine == .libpng {
            source = reference
        } else {
            source = try InflatedRowSource(bytes, contents)
        }
    }

    /// Reads the next rows, one after the other without padding.
    ///
    /// - Parameters:
    ///   - destination: room for `count` rows of `header.shape.bytesPerRow`, aligned for its samples.
    ///   - count: at most as many rows as are left.
    /// - Throws: `CodecError` (corrupt). With the last row, everything that follows has been checked too.
    public func readRows(into destination: UnsafeMutableRawPointer, count: Int) throws(CodecError) {
        precondition(
            count >= 0 && count <= header.shape.height - nextRow,
            "\(count) rows from row \(nextRow) of \(header.shape.height)")
        guard count > 0 else { return }
        try source.readRows(into: destination, count: count)
        nextRow += count
        if nextRow == header.shape.height { try source.finish() }
    }
}

/// The chunks of a whole PNG file, all checked but those of the image data.
struct PNGContents {
    let header: PNGHeader
    let metadata: PNGMetadata
    /// Where the first IDAT chunk begins.
    let imageDataOffset: Int

    init(_ bytes: UnsafeRawBufferPointer, limits: DecodingLimits) throws(CodecError) {
        _ = try ImageFormats.format(ofFileBeginning: Array(bytes.prefix(PNGLayout.signature.count)))
        let fileByteCount = UInt64(bytes.count)
        var scanner = PNGHeaderScanner(fileByteCount: fileByteCount, limits: limits)
        var metadata = PNGMetadata()
        var metadataByteCount = 0
        var imageDataOffset = 0
        var offset = PNGLayout.signature.count
        while scanner.stage != .end {
            guard bytes.count - offset >= PNGLayout.chunkOverhead else {
                throw PNGChunkHead.truncated(at: fileByteCount)
            }
            let head = try PNGChunkHead(bytes[offset...], at: UInt64(offset), fileByteCount: fileByteCount)
            let isImageData = head.type == .imageData
            if isImageData {
                if imageDataOffset == 0 { imageDataOffset = offset }
            } else {
                let checked = UnsafeRawBufferPointer(rebasing: bytes[offset + 4..<Int(head.end)])
                guard hasRightChecksum(checked) else { throw head.checksumMismatch() }
            }
            let data = bytes[Int(head.dataOffset)..<Int(head.dataOffset) + head.byteCount]
            do {
                try scanner.take(head) { Array(data) }
            } catch let error as CodecError {
                throw error
            } catch {
                throw .corrupt("The PNG file cannot be read: \(error).")
            }
            if PNGMetadata.isMetadata(head.type) {
                metadataByteCount += head.byteCount
                guard metadataByteCount <= limits.maximumMetadataByteCount else {
                    throw .overLimit(
                        "The PNG file has more than \(limits.maximumMetadataByteCount) bytes of metadata. Save it without."
                    )
                }
                _ = metadata.keep(head.type, Array(bytes[offset..<Int(head.end)])[...])
            }
            offset = Int(head.end)
        }
        guard let header = scanner.header else { throw .corrupt("The PNG file is damaged: it has no header (IHDR).") }
        self.header = header
        self.metadata = metadata
        self.imageDataOffset = imageDataOffset
    }
}

/// Whether the last four bytes of `bytes` are the CRC-32 of those before.
private func hasRightChecksum(_ bytes: UnsafeRawBufferPointer) -> Bool {
    CRC32.checksum(UnsafeRawBufferPointer(rebasing: bytes.dropLast(4))) == bigEndianInteger(bytes.suffix(4))
}
