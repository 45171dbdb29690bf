import CISAL
import Checksums
import ImageFormats
import Pipelines

/// Decodes single segments of a PNG file that was put together from `PNGSegmentEncoder`'s: any of them, in any order, from their own
/// bytes.
///
/// Each segment's compressor starts afresh, and its first row does not look above (decision 2), so nothing else of the file is
/// needed, and there may not even be a file yet. Bytes that are not such a segment are refused.
///
/// Holds the filtered rows of one segment. Belongs to one thread at a time.
public final class PNGSegmentDecoder {
    public let shape: ImageShape
    /// The segments of the image, each as the rows that it has.
    public let segments: RowPartition
    private let state: UnsafeMutablePointer<inflate_state>
    /// Room for the rows of a segment, and a byte that shows a segment of more.
    private let filtered: UnsafeMutableRawBufferPointer

    /// - Parameter shape: the whole image.
    public init(shape: ImageShape) {
        self.shape = shape
        segments = PNGFormat().segmentGrid.segments(of: shape)
        state = .allocate(capacity: 1)
        filtered = .allocate(byteCount: segments.rowsPerPart * (shape.bytesPerRow + 1) + 1, alignment: 64)
    }

    deinit {
        state.deallocate()
        filtered.deallocate()
    }

    /// Decodes one segment.
    ///
    /// - Parameters:
    ///   - chunk: the bytes of its IDAT chunk, and no others.
    ///   - rows: the rows that it has.
    ///   - destination: room for the rows, one after the other without padding, aligned for their samples.
    /// - Throws: `CodecError` (corrupt).
    public func decode(
        _ chunk: UnsafeRawBufferPointer, rows: Range<Int>, to destination: UnsafeMutableRawPointer
    ) throws(CodecError) {
        defer { withExtendedLifetime(self) {} }
        let byteCount = rows.count * (shape.bytesPerRow + 1)
        precondition(byteCount < filtered.count, "rows \(rows) are more than a segment's \(segments.rowsPerPart)")
        let data = try Self.data(of: chunk)
        guard inflate(data) == byteCount else {
            throw .corrupt(
                "The PNG file is damaged: the segment of rows \(rows.lowerBound) to \(rows.upperBound - 1) does not have their "
                    + "\(byteCount) bytes. Send an intact copy.")
        }
        try undoFilters(rows, to: destination)
        if shape.format.depth == .sixteen {
            let samples = destination.assumingMemoryBound(to: UInt16.self)
            for index in 0..<rows.count * shape.samplesPerRow { samples[index] = UInt16(bigEndian: samples[index]) }
        }
    }

    /// The data of a chunk whose name, length and checksum are right.
    private static func data(of chunk: UnsafeRawBufferPointer) throws(CodecError) -> UnsafeRawBufferPointer {
        guard chunk.count >= PNGLayout.chunkOverhead else { throw PNGChunkHead.truncated(at: UInt64(chunk.count)) }
        let head = try PNGChunkHead(
            chunk.prefix(PNGLayout.chunkHeadByteCount), at: 0, fileByteCount: UInt64(chunk.count))
        guard head.type == .imageData, head.end == UInt64(chunk.count) else {
            throw .corrupt(
                "The PNG file is damaged: a segment of \(chunk.count) bytes is one \(head.type) chunk of \(head.end). Send an "
                    + "intact copy.")
        }
        let covered = UnsafeRawBufferPointer(rebasing: chunk[4..<chunk.count - 4])
        guard CRC32.checksum(covered) == bigEndianInteger(chunk.suffix(4)) else { throw head.checksumMismatch() }
        return UnsafeRawBufferPointer(rebasing: chunk[PNGLayout.chunkHeadByteCount..<chunk.count - 4])
    }

    /// Inflates the blocks of a segment to `filtered`.
    ///
    /// - Returns: the bytes that they have; `nil` for what breaks deflate's rules.
    private func inflate(_ data: UnsafeRawBufferPointer) -> Int? {
        isal_inflate_init(state)
        state.pointee.crc_flag = UInt32(ISAL_DEFLATE)
        state.pointee.next_in = UnsafeMutablePointer(mutating: bytePointer(data))
        state.pointee.avail_in = UInt32(data.count)
        var written = 0
        while true {
            guard let room = filtered.baseAddress else { return nil }
            state.pointee.next_out = (room + written).assumingMemoryBound(to: UInt8.self)
            state.pointee.avail_out = UInt32(filtered.count - written)
            let unread = state.pointee.avail_in
            guard isal_inflate(state) == ISAL_DECOMP_OK else { return nil }
            let count = filtered.count - written - Int(state.pointee.avail_out)
            written += count
            // The blocks of a segment have no end of their own: they end with the input.
            if count == 0, state.pointee.avail_in == unread { return written }
            if written == filtered.count { return written }
        }
    }

    private func undoFilters(_ rows: Range<Int>, to destination: UnsafeMutableRawPointer) throws(CodecError) {
        let count = shape.bytesPerRow
        let distance = shape.format.bytesPerPixel
        var above: UnsafePointer<UInt8>?
        for index in 0..<rows.count {
            let start = index * (count + 1)
            guard let filter = PNGFilter(rawValue: filtered[start]), above != nil || filter == .none || filter == .sub
            else {
                throw .corrupt(
                    "The PNG file is damaged: row \(rows.lowerBound + index) has filter \(filtered[start]), which a segment "
                        + "does not have there. Send an intact copy.")
            }
            let stored = bytePointer(UnsafeRawBufferPointer(rebasing: filtered[(start + 1)...]))
            let row = (destination + index * count).assumingMemoryBound(to: UInt8.self)
            // The first row looks at no row above: its own bytes take the place of one.
            filter.undo(stored, above: above ?? stored, count: count, distance: distance, to: row)
            above = UnsafePointer(row)
        }
    }
}
