import Checksums
import Pipelines

/// Compares PNG files, and parts of them, that other machines made with what they have to be. Touches no pixel.
///
/// The structure of a file of ours is fixed by its image: `PNGAssembly` draws it. Whether the image data hold the right
/// pixels cannot be seen without inflating them.
struct PNGCheck {
    /// A full flush ends with an empty stored block, so that segments can be put one behind the other.
    private static let segmentEnd: [UInt8] = [0x00, 0x00, 0xff, 0xff]
    /// No decoder carries over more.
    private static let maximumMetadataByteCount = 64 << 20

    private var bytes: BytesInOrder

    init(byteCount: UInt64, read: @escaping BytesInOrder.Read) {
        bytes = BytesInOrder(byteCount: byteCount, read: read)
    }

    /// A whole file.
    mutating func checkFile(of output: ImageShape) throws {
        let header = try PNGAssembly.header(output: output)
        let start = try bytes.take(min(header.count, Int(clamping: bytes.byteCount))) ?? []
        guard start.count >= PNGLayout.signature.count, start.starts(with: PNGLayout.signature) else {
            throw UnknownFile.error(Array(start.prefix(ImageFormats.sniffedByteCount)))
        }
        guard start == header else {
            throw CodecError.corrupt(
                "The PNG file's header is not that of \(output.width) x \(output.height) pixels of "
                    + "\(output.format.channelCount) x \(output.format.depth.rawValue) bits.")
        }
        let first = try checkMetadata()
        guard try checkImageData(first).wholeData == ZlibFraming.start else {
            throw CodecError.corrupt("The PNG file's image data do not begin with a stream of our encoder.")
        }
        let count = SegmentGrid.standard.segments(of: output).count
        for _ in 0..<count { try checkSegment(try nextHead()) }
        let last = try checkImageData(try nextHead())
        guard last.byteCount == 6, last.wholeData.starts(with: ZlibFraming.end) else {
            throw CodecError.corrupt("The PNG file's \(count) segments are not followed by the end of their stream.")
        }
        let end = try nextHead()
        guard end.type == .end, end.byteCount == 0, bytes.restByteCount == 4 else {
            throw CodecError.corrupt("The PNG file does not end behind its image data.")
        }
        _ = try checkData(of: end, keeping: 0)
    }

    /// The encoded segments of `rowCount` rows.
    mutating func checkSegments(ofRows rowCount: Int, of output: ImageShape, checksum: FilteredChecksum) throws {
        let filtered = UInt64(rowCount) * UInt64(output.bytesPerRow + 1)
        guard checksum.byteCount == filtered else {
            throw CodecError.corrupt(
                "The checksum is of \(checksum.byteCount) filtered bytes; \(rowCount) rows have \(filtered).")
        }
        let rowsPerSegment = SegmentGrid.standard.rowsPerSegment(of: output)
        for _ in 0..<(rowCount + rowsPerSegment - 1) / rowsPerSegment { try checkSegment(try nextHead()) }
        guard bytes.restByteCount == 0 else {
            throw CodecError.corrupt("\(bytes.restByteCount) bytes follow the segments of \(rowCount) rows.")
        }
    }

    // MARK: Parts

    /// The chunks between header and image data.
    ///
    /// - Returns: the head of the first chunk of image data.
    private mutating func checkMetadata() throws -> PNGChunkHead {
        var framed: [UInt8] = []
        while true {
            let head = try nextHead()
            if head.type == .imageData {
                _ = try PNGMetadata(framed: framed)
                return head
            }
            guard head.byteCount <= Self.maximumMetadataByteCount - framed.count,
                let rest = try bytes.take(head.byteCount + 4)
            else {
                throw CodecError.corrupt(
                    "The PNG file has more than \(Self.maximumMetadataByteCount) bytes before its image data.")
            }
            framed += bigEndianBytes(UInt32(head.byteCount)) + head.type.letters + rest
        }
    }

    private mutating func checkSegment(_ head: PNGChunkHead) throws {
        let ends = try checkImageData(head)
        guard ends.tail == Self.segmentEnd else {
            throw CodecError.corrupt("The segment at byte \(head.dataOffset) does not end as one.")
        }
    }

    private mutating func checkImageData(_ head: PNGChunkHead) throws -> Ends {
        guard head.type == .imageData else {
            throw CodecError.corrupt("There is a \(head.type) chunk at byte \(head.dataOffset) instead of image data.")
        }
        return try checkData(of: head, keeping: 6)
    }

    private mutating func nextHead() throws -> PNGChunkHead {
        let offset = bytes.offset
        guard let head = try bytes.take(PNGLayout.chunkHeadByteCount) else { throw PNGChunkHead.truncated(at: offset) }
        return try PNGChunkHead(head, at: offset, fileByteCount: bytes.byteCount)
    }

    /// The first and the last bytes of a chunk's data.
    private struct Ends {
        var byteCount = 0
        var start: [UInt8] = []
        var tail: [UInt8] = []

        /// All of the data, when they are few; nothing otherwise.
        var wholeData: [UInt8] { start.count == byteCount ? start : [] }
    }

    /// Compares the data of the chunk with its checksum.
    private mutating func checkData(of head: PNGChunkHead, keeping count: Int) throws -> Ends {
        var crc = CRC32()
        crc.update(head.type.letters)
        var ends = Ends(byteCount: head.byteCount)
        try bytes.pass(UInt64(head.byteCount)) { part in
            crc.update(part)
            if ends.start.count < count { ends.start.append(contentsOf: part.prefix(count - ends.start.count)) }
            ends.tail = Array((ends.tail + part.suffix(4)).suffix(4))
        }
        guard let checksum = try bytes.take(4), crc.value == bigEndianInteger(checksum) else {
            throw head.checksumMismatch()
        }
        return ends
    }
}
