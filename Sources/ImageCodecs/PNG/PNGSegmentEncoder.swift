import ImageFormats
import Kernels
import Pipelines
import Checksums

/// Encoded rows of an output image: IDAT chunks, one per segment, with the checksum of what they inflate to.
public struct EncodedSegments: Hashable, Sendable {
    public var bytes: [UInt8] = []
    public var checksum = FilteredChecksum()
}

/// Encodes rows of an output image to segments of a PNG file.
///
/// The image is cut into segments of rows by `PNGFormat.segmentGrid`, which depends on its shape alone. Each becomes one IDAT chunk
/// that depends on the rows of the segment only: the first row's filter does not look above, and the compressor starts
/// afresh and ends on a byte boundary. So segments can be encoded anywhere, in any order, in any grouping, and the file
/// they are assembled to is the same, byte for byte.
///
///     rows 0 ..< n      IDAT | filter, row | filter, row | ... deflated, then an empty stored block (full flush) | CRC
///     rows n ..< 2n     IDAT | ...
///
/// Holds about 1 MiB, or thrice a row if that is more. Belongs to one thread at a time.
public final class PNGSegmentEncoder {
    public let shape: ImageShape
    private let rowsPerSegment: Int
    private let deflater = Deflater()
    private let scratch: UnsafeMutablePointer<UInt8>
    /// The filtered rows of one segment, each after its filter's number.
    private let filtered: UnsafeMutableRawBufferPointer
    /// One IDAT chunk.
    private let chunk: UnsafeMutableRawBufferPointer
    /// Two rows in the file's byte order, when it is not the memory's.
    private let swapped: UnsafeMutableBufferPointer<UInt16>

    /// Whether this machine's segments are byte for byte those of every other worker; see `Deflater`.
    public static var isReproducible: Bool { Deflater.isReproducible }

    /// - Parameter shape: the whole output image.
    public init(shape: ImageShape) {
        self.shape = shape
        rowsPerSegment = min(shape.height, PNGFormat().segmentGrid.rowsPerSegment(of: shape))
        let filteredByteCount = rowsPerSegment * (shape.bytesPerRow + 1)
        filtered = .allocate(byteCount: filteredByteCount, alignment: 64)
        scratch = UnsafeMutableRawPointer.allocate(byteCount: PNGFilter.blockByteCount, alignment: 64)
            .bindMemory(to: UInt8.self, capacity: PNGFilter.blockByteCount)
        chunk = .allocate(
            byteCount: PNGLayout.chunkOverhead + Deflater.maximumByteCount(filteredByteCount), alignment: 64)
        swapped = .allocate(capacity: shape.format.depth == .sixteen ? 2 * shape.samplesPerRow : 0)
    }

    deinit {
        filtered.deallocate()
        scratch.deallocate()
        chunk.deallocate()
        swapped.deallocate()
    }

    /// The most bytes that the segments of `rows` can have.
    public static func maximumByteCount(of rows: Range<Int>, in shape: ImageShape) -> Int {
        let perSegment = min(shape.height, PNGFormat().segmentGrid.rowsPerSegment(of: shape))
        let segmentCount = (rows.count + perSegment - 1) / perSegment
        return segmentCount
            * (PNGLayout.chunkOverhead + Deflater.maximumByteCount(perSegment * (shape.bytesPerRow + 1)))
    }

    /// Encodes all rows of `view` and hands out the IDAT chunks as they are made, one per segment, in order.
    ///
    /// - Parameters:
    ///   - view: rows of an image of the encoder's shape. They begin at a segment's first row and end with a segment's last.
    ///   - emit: takes the bytes of one chunk, which are gone when it returns.
    /// - Returns: checksum and count of the bytes that the chunks inflate to.
    public func encode(_ view: RowsView, emit: (UnsafeRawBufferPointer) throws -> Void) rethrows -> FilteredChecksum {
        precondition(view.shape == shape, "rows of \(view.shape) for an encoder of \(shape)")
        precondition(
            view.rows.lowerBound % rowsPerSegment == 0
                && (view.rows.upperBound % rowsPerSegment == 0 || view.rows.upperBound == shape.height),
            "rows \(view.rows) are not whole segments of \(rowsPerSegment) rows")
        // The buffers are reached by pointers, which do not keep their owner: an encoder may be a temporary value.
        defer { withExtendedLifetime(self) {} }
        var checksum = FilteredChecksum()
        for start in stride(from: view.rows.lowerBound, to: view.rows.upperBound, by: rowsPerSegment) {
            let rows = start..<min(start + rowsPerSegment, view.rows.upperBound)
            let filteredByteCount = filter(rows, of: view)
            let input = UnsafeRawBufferPointer(rebasing: filtered[..<filteredByteCount])
            checksum.append(
                FilteredChecksum(
                    adler32: Adler32.checksum(UnsafeRawBufferPointer(input)),
                    byteCount: UInt64(input.count)))
            try emit(frame(input))
        }
        return checksum
    }

    /// Encodes all rows of `view`; see `encode(_:emit:)`.
    public func encode(_ view: RowsView) -> EncodedSegments {
        var segments = EncodedSegments()
        segments.checksum = encode(view, appendingTo: &segments.bytes)
        return segments
    }

    /// Encodes all rows of `view` and appends the IDAT chunks to `bytes`; see `encode(_:emit:)`.
    public func encode(_ view: RowsView, appendingTo bytes: inout [UInt8]) -> FilteredChecksum {
        encode(view) { bytes.append(contentsOf: $0) }
    }

    /// Filters the rows of one segment to `filtered`; returns the bytes used.
    private func filter(_ rows: Range<Int>, of view: RowsView) -> Int {
        let count = shape.bytesPerRow
        let distance = shape.format.bytesPerPixel
        guard var output = filtered.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return 0 }
        var above: UnsafePointer<UInt8>?
        var favourite = PNGFilter.paeth
        for y in rows {
            let row: UnsafePointer<UInt8>
            switch shape.format.depth {
            case .eight: row = view.row(y)
            case .sixteen: row = swap(view.row(y), y)
            }
            favourite = PNGFilter.filter(
                row, above: above, count: count, distance: distance, favourite: favourite, scratch: scratch, to: output)
            above = row
            output += count + 1
        }
        return rows.count * (count + 1)
    }

    /// The row in the file's byte order. The one before stays valid.
    private func swap(_ row: UnsafePointer<UInt16>, _ y: Int) -> UnsafePointer<UInt8> {
        let count = shape.samplesPerRow
        let half = UnsafeMutableBufferPointer(rebasing: swapped[(y & 1) * count..<(y & 1) * count + count])
        for x in 0..<count { half[x] = row[x].bigEndian }
        return bytePointer(UnsafeRawBufferPointer(half))
    }

    /// Makes the IDAT chunk of one segment in `chunk`.
    private func frame(_ input: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        let head = PNGLayout.chunkHeadByteCount
        let count = deflater.deflate(input, to: UnsafeMutableRawBufferPointer(rebasing: chunk[head...]))
        chunk.storeBytes(of: UInt32(count).bigEndian, as: UInt32.self)
        chunk.storeBytes(of: PNGChunkType.imageData.code.bigEndian, toByteOffset: 4, as: UInt32.self)
        let covered = UnsafeRawBufferPointer(rebasing: chunk[4..<head + count])
        let crc = CRC32.checksum(covered)
        chunk.storeBytes(of: crc.bigEndian, toByteOffset: head + count, as: UInt32.self)
        return UnsafeRawBufferPointer(rebasing: chunk[..<(count + PNGLayout.chunkOverhead)])
    }
}

/// The start of bytes that are there: C takes an address and a count.
func bytePointer(_ bytes: UnsafeRawBufferPointer) -> UnsafePointer<UInt8> {
    guard let start = bytes.baseAddress else { preconditionFailure("no bytes where some must be") }
    return start.assumingMemoryBound(to: UInt8.self)
}
