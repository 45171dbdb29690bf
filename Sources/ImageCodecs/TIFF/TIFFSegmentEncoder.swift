import Checksums
import ImageFormats
import JobModel
import Kernels
import Pipelines

extension TIFFFormat: ImageEncoding {
    public func encoder(of shape: ImageShape) -> any SegmentEncoder { TIFFSegmentEncoder(self, shape) }

    /// Bytes that are not compressed are the same everywhere.
    public var isReproducible: Bool { compression == .none || Deflater.isReproducible }

    public func framed(_ metadata: ImageMetadata) -> [UInt8] { TIFFOutputMetadata(metadata).framed }
}

/// Encodes rows of an output image to rows of strips or tiles of a TIFF file: see `TIFFOutput`.
///
/// Each piece depends on its own pixels only: differences from left neighbours do not look beyond it, and the compressor
/// starts afresh. Columns of a tile beyond the image repeat its last pixel, rows beyond it are zero.
///
/// Holds the encoded bytes of a segment, twice a piece, and of a pyramid 256 rows of two levels. Belongs to one thread at a time.
final class TIFFSegmentEncoder: SegmentEncoder {
    private let output: TIFFOutput
    private let rowsPerSegment: Int
    private let deflater = Deflater()
    /// A piece before and after it is compressed, and a row of it before the differences are taken.
    private let stored: UnsafeMutableRawBufferPointer
    private let deflated: UnsafeMutableRawBufferPointer
    private let row: UnsafeMutableRawBufferPointer
    private var segment: [UInt8] = []

    init(_ format: TIFFFormat, _ shape: ImageShape) {
        output = format.output(shape)
        rowsPerSegment = format.segmentGrid.rowsPerSegment(of: shape)
        let byteCount = output.levels.reduce(0) { largest, level in
            let rows = level.rowCount(ofImageRows: min(TIFFOutput.pieceSide, shape.height))
            return max(largest, level.pieceByteCount(ofRows: rows))
        }
        stored = .allocate(byteCount: byteCount, alignment: 64)
        deflated = .allocate(
            byteCount: output.isCompressed ? Deflater.maximumByteCount(byteCount) : 0, alignment: 64)
        row = .allocate(
            byteCount: output.levels.reduce(0) { max($0, $1.bytesPerPieceRow) }, alignment: 64)
    }

    deinit {
        stored.deallocate()
        deflated.deallocate()
        row.deallocate()
    }

    func encode(_ rows: RowsView, emit: (UnsafeRawBufferPointer) throws -> Void) rethrows -> SegmentChecksum {
        precondition(rows.shape == output.shape, "rows of \(rows.shape) for an encoder of \(output.shape)")
        precondition(
            rows.rows.lowerBound % rowsPerSegment == 0
                && (rows.rows.upperBound % rowsPerSegment == 0 || rows.rows.upperBound == output.shape.height),
            "rows \(rows.rows) are not whole segments of \(rowsPerSegment) rows")
        // The buffers are reached by pointers, which do not keep their owner: an encoder may be a temporary value.
        defer { withExtendedLifetime(self) {} }
        var checksum = FilteredChecksum()
        for start in stride(from: rows.rows.lowerBound, to: rows.rows.upperBound, by: rowsPerSegment) {
            let end = min(start + rowsPerSegment, rows.rows.upperBound)
            segment.removeAll(keepingCapacity: true)
            for first in stride(from: start, to: end, by: TIFFOutput.pieceSide) {
                appendLevels(of: first..<min(first + TIFFOutput.pieceSide, end), rows)
            }
            checksum.append(
                FilteredChecksum(adler32: Adler32.checksum(segment), byteCount: UInt64(segment.count)))
            try segment.withUnsafeBytes { try emit($0) }
        }
        return checksum.opaque
    }

    /// Appends a row of pieces of each level.
    private func appendLevels(of rows: Range<Int>, _ view: RowsView) {
        appendPieces(of: output.levels[0], rows, view)
        var below = (rows: rows, buffer: nil as RowBuffer?)
        for level in output.levels.dropFirst() {
            let first = rows.lowerBound >> level.number
            let reduced = first..<first + level.rowCount(ofImageRows: rows.count)
            let buffer = RowBuffer(shape: level.shape, rows: reduced)
            PyramidLevel.halve(below.buffer?.view ?? view, below.rows, to: buffer.mutableView)
            appendPieces(of: level, reduced, buffer.view)
            withExtendedLifetime(below.buffer) {}
            below = (reduced, buffer)
        }
        withExtendedLifetime(below.buffer) {}
    }

    /// Appends a row of pieces, with the numbers before it.
    private func appendPieces(of level: TIFFOutput.Level, _ rows: Range<Int>, _ view: RowsView) {
        let table = segment.count
        segment += [UInt8](repeating: 0, count: level.tableByteCount)
        for column in 0..<level.columnCount {
            let start = segment.count
            appendPiece(fill(column, of: level, rows, view))
            let count = UInt64(segment.count - start)
            segment.replaceSubrange(
                table + 4 * column..<table + 4 * column + 4, with: TIFFByteOrder.littleEndian.bytes(count, count: 4))
            if count % 2 == 1 { segment.append(0) }
        }
    }

    private func appendPiece(_ piece: UnsafeRawBufferPointer) {
        guard output.isCompressed else {
            segment.append(contentsOf: piece)
            return
        }
        let count = deflater.deflate(piece, to: deflated)
        segment += ZlibFraming.start
        segment.append(contentsOf: UnsafeRawBufferPointer(rebasing: deflated[..<count]))
        segment += ZlibFraming.end
        segment += bigEndianBytes(Adler32.checksum(piece))
    }

    /// Fills `stored` with the pixels of a piece, as the file has them.
    private func fill(
        _ column: Int, of level: TIFFOutput.Level, _ rows: Range<Int>, _ view: RowsView
    ) -> UnsafeRawBufferPointer {
        let bytesPerPixel = output.shape.format.bytesPerPixel
        let x = column * level.pieceWidth
        let inside = min(level.pieceWidth, level.shape.width - x) * bytesPerPixel
        let bytesPerRow = level.bytesPerPieceRow
        for (index, y) in rows.enumerated() {
            let source = UnsafeRawPointer(view.row(y, as: UInt8.self)) + x * bytesPerPixel
            row.copyMemory(from: UnsafeRawBufferPointer(start: source, count: inside))
            for position in inside..<max(inside, bytesPerRow) { row[position] = row[position - bytesPerPixel] }
            let destination = UnsafeMutableRawBufferPointer(
                rebasing: stored[index * bytesPerRow..<(index + 1) * bytesPerRow])
            switch output.shape.format.depth {
            case .eight: store(UInt8.self, to: destination)
            case .sixteen: store(UInt16.self, to: destination)
            }
        }
        let byteCount = level.pieceByteCount(ofRows: rows.count)
        let filled = rows.count * bytesPerRow
        UnsafeMutableRawBufferPointer(rebasing: stored[filled..<byteCount]).initializeMemory(
            as: UInt8.self, repeating: 0)
        return UnsafeRawBufferPointer(rebasing: stored[..<byteCount])
    }

    /// Stores `row`, or the differences of its samples from those of the pixel before.
    private func store<Sample: FixedWidthInteger & UnsignedInteger>(
        _: Sample.Type, to destination: UnsafeMutableRawBufferPointer
    ) {
        guard let source = row.assumingMemoryBound(to: Sample.self).baseAddress,
            let target = destination.assumingMemoryBound(to: Sample.self).baseAddress
        else { preconditionFailure("a row has at least one pixel") }
        let count = destination.count / MemoryLayout<Sample>.size
        let distance = output.isCompressed ? output.shape.format.channelCount : count
        for index in 0..<distance { target[index] = source[index].littleEndian }
        for index in distance..<max(distance, count) {
            target[index] = (source[index] &- source[index - distance]).littleEndian
        }
    }
}
