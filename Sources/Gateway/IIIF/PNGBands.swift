import ImageCodecs
import ImageFormats
import Pipelines
import Synchronization

/// Where the segments of a PNG file are that the cluster made: each is an IDAT chunk, whose length leads to the next.
///
/// Learned as far as it is needed; a pass over the image learns it all.
final class PNGSegmentIndex: Sendable {
    let shape: ImageShape
    let segments: RowPartition
    private let parts: any FileParts
    /// The offsets of the first segments; the last one is where the next begins.
    private let offsets: Mutex<[UInt64]>

    /// - Returns: `nil` for a file that was not put together from segments.
    init?(_ parts: any FileParts, _ header: ImageHeader) throws {
        self.parts = parts
        shape = header.shape
        segments = PNGFormat().segmentGrid.segments(of: header.shape)
        // There may be any number of small chunks before the image data.
        let parts = ReadAheadParts(parts)
        var offset = UInt64(PNGLayout.signature.count)
        while true {
            let head = try Self.head(parts, at: offset)
            if head.type == .imageData {
                guard head.byteCount == ZlibFraming.start.count,
                    try parts.read(at: head.dataOffset, count: head.byteCount) == ZlibFraming.start
                else { return nil }
                offsets = Mutex([head.end])
                return
            }
            offset = head.end
        }
    }

    /// The bytes of a segment.
    func place(of segment: Int) throws -> Range<UInt64> {
        // Two that look at the same time learn the same.
        var known = offsets.withLock { $0 }
        while known.count < segment + 2 {
            let head = try Self.head(parts, at: known[known.count - 1])
            guard head.type == .imageData else {
                throw CodecError.corrupt(
                    "The PNG file is damaged: it ends before segment \(segment) of \(segments.count). Send an intact copy."
                )
            }
            known.append(head.end)
        }
        offsets.withLock { offsets in if known.count > offsets.count { offsets = known } }
        return known[segment]..<known[segment + 1]
    }

    private static func head(_ parts: any PartReader, at offset: UInt64) throws -> PNGChunkHead {
        guard offset + UInt64(PNGLayout.chunkHeadByteCount) <= parts.byteCount else {
            throw CodecError.corrupt("The PNG file is truncated: it ends at byte \(parts.byteCount).")
        }
        return try PNGChunkHead(
            try parts.read(at: offset, count: PNGLayout.chunkHeadByteCount), at: offset, fileByteCount: parts.byteCount)
    }
}

/// Reads the segments of a PNG file that the cluster made; a band is a segment.
final class PNGBandReader: BandSource.Reader {
    private let index: PNGSegmentIndex
    private let parts: ReadAheadParts
    private let decoder: PNGSegmentDecoder

    init(_ index: PNGSegmentIndex, _ parts: ReadAheadParts) {
        self.index = index
        self.parts = parts
        decoder = PNGSegmentDecoder(shape: index.shape)
    }

    func band(of row: Int) -> Range<Int> { index.segments[row / index.segments.rowsPerPart] }

    func pixels(of band: Range<Int>) throws -> [UInt8] {
        let place = try index.place(of: band.lowerBound / index.segments.rowsPerPart)
        let chunk = try parts.read(at: place.lowerBound, count: place.count)
        let decoder = decoder
        return try [UInt8](unsafeUninitializedCapacity: band.count * index.shape.bytesPerRow) { pixels, count in
            guard let base = pixels.baseAddress else { preconditionFailure("a band has at least one pixel") }
            try chunk.withUnsafeBytes { try decoder.decode($0, rows: band, to: UnsafeMutableRawPointer(base)) }
            count = band.count * index.shape.bytesPerRow
        }
    }
}

/// Reads a megabyte where less is asked for, since what is behind is asked for next. Belongs to one thread.
final class ReadAheadParts: PartReader {
    private static let windowByteCount = 1 << 20

    private let parts: any FileParts
    private var window: (start: UInt64, bytes: [UInt8]) = (0, [])

    init(_ parts: any FileParts) { self.parts = parts }

    var byteCount: UInt64 { parts.byteCount }

    func read(at offset: UInt64, count: Int) throws -> [UInt8] {
        let end = window.start + UInt64(window.bytes.count)
        if offset < window.start || offset + UInt64(count) > end {
            let wanted = max(count, Int(min(UInt64(Self.windowByteCount), parts.byteCount - offset)))
            window = (offset, try parts.read(at: offset, count: wanted))
        }
        let start = Int(offset - window.start)
        guard start + count <= window.bytes.count else {
            throw CodecError.corrupt("The file is truncated: it ends before byte \(offset + UInt64(count)).")
        }
        return Array(window.bytes[start..<start + count])
    }
}
