import Checksums
import ImageFormats
import JobModel
import Pipelines

/// Decodes a PNG file that is in memory, row by row.
///
/// Rows come as `header.shape` says: palettes expanded to RGB, 1, 2 and 4 bits to 8, transparent colours to an alpha
/// channel, 16-bit samples in the machine's byte order. The picture has to be intact: a wrong checksum of a chunk that it
/// needs or of the pixels, a missing end, too few pixels are errors, whatever could still be shown. Everything else is
/// passed over as decoders do, and told in `remarks`: docs/formats.md has the table.
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
    private let contents: PNGContents
    private let source: InflatedRowSource

    /// Reads everything but the image data: all chunks that matter are there and intact, or this throws.
    ///
    /// - Parameter bytes: the whole file; it must stay, unchanged, as long as the reader is used.
    public init(
        _ bytes: UnsafeRawBufferPointer, limits: DecodingLimits = DecodingLimits()
    ) throws(CodecError) {
        contents = try PNGContents(bytes, limits: limits)
        header = ImageHeader(contents.header)
        metadata = contents.metadata
        source = try InflatedRowSource(bytes, contents)
    }

    /// What was passed over or left out; complete after the last row.
    public var remarks: [ImageRemark] {
        [
            ImageRemark(.metadataOverLimit, contents.overLimit), ImageRemark(.partsIgnored, contents.ignored),
            source.surplusByteCount == 0
                ? nil : ImageRemark(.surplusImageData, count: 1, byteCount: source.surplusByteCount),
        ].compactMap { $0 }
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
    /// Chunks that were passed over although the output could have needed them.
    let ignored: PNGIgnoredParts
    /// Metadata above the limit.
    let overLimit: PNGIgnoredParts
    /// Where the first IDAT chunk begins.
    let imageDataOffset: Int

    init(_ bytes: UnsafeRawBufferPointer, limits: DecodingLimits) throws(CodecError) {
        _ = try ImageFormats.format(ofFileBeginning: Array(bytes.prefix(ImageFormats.sniffedByteCount)))
        let fileByteCount = UInt64(bytes.count)
        var scanner = PNGHeaderScanner(fileByteCount: fileByteCount, limits: limits)
        var collector = PNGMetadataCollector(limits: limits)
        var imageDataOffset = 0
        var offset = PNGLayout.signature.count
        while scanner.stage != .end {
            guard bytes.count - offset >= PNGLayout.chunkOverhead else {
                throw PNGChunkHead.truncated(at: fileByteCount)
            }
            let head = try PNGChunkHead(bytes[offset...], at: UInt64(offset), fileByteCount: fileByteCount)
            let chunk = UnsafeRawBufferPointer(rebasing: bytes[offset..<Int(head.end)])
            if head.type == .imageData, imageDataOffset == 0 { imageDataOffset = offset }
            do {
                try scanner.take(head) {
                    hasRightChecksum(chunk)
                        ? Array(chunk.dropFirst(PNGLayout.chunkHeadByteCount).prefix(head.byteCount)) : nil
                }
            } catch let error as CodecError {
                throw error
            } catch {
                throw .corrupt("The PNG file cannot be read: \(error).")
            }
            // The image data's checksums are compared when it is read.
            let isRead = head.type == .imageData && scanner.stage == .inImageData
            if head.type.isCritical, !isRead, !hasRightChecksum(chunk) { throw head.checksumMismatch() }
            collector.take(
                head, isBeforeImageData: scanner.stage == .beforeImageData, hasPalette: scanner.hasPalette, chunk: chunk
            )
            offset = Int(head.end)
        }
        guard let header = scanner.header else { throw .corrupt("The PNG file is damaged: it has no header (IHDR).") }
        self.header = header
        metadata = collector.metadata
        ignored = scanner.ignored + collector.ignored
        overLimit = collector.overLimit
        self.imageDataOffset = imageDataOffset
    }
}

extension ImageRemark {
    /// `nil` when there are no such parts.
    fileprivate init?(_ code: Code, _ parts: PNGIgnoredParts) {
        if parts.count == 0 { return nil }
        self.init(code, count: parts.count, byteCount: parts.byteCount)
    }
}

/// Whether a whole chunk's last four bytes are the CRC-32 of its letters and its data.
private func hasRightChecksum(_ chunk: UnsafeRawBufferPointer) -> Bool {
    CRC32.checksum(UnsafeRawBufferPointer(rebasing: chunk.dropFirst(4).dropLast(4)))
        == bigEndianInteger(chunk.suffix(4))
}
