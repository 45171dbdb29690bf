import Checksums
import Pipelines

/// Compares TIFF files, and parts of them, that other machines made with what they have to be. Touches no pixel.
///
/// All that the image's shape decides is compared byte by byte: `TIFFOutput` draws it. Of the pieces, their sizes and the
/// beginnings and ends of their streams are looked at.
struct TIFFCheck {
    private let output: TIFFOutput
    private var bytes: BytesInOrder
    /// The checksum of all pieces and tables that were passed.
    private var checksum = FilteredChecksum()

    init(_ output: TIFFOutput, byteCount: UInt64, read: @escaping BytesInOrder.Read) {
        self.output = output
        bytes = BytesInOrder(byteCount: byteCount, read: read)
    }

    /// A whole file.
    mutating func checkFile() throws {
        let start = try bytes.take(min(output.headerByteCount, Int(clamping: bytes.byteCount))) ?? []
        guard TIFFSource.isBig(start) != nil else { throw UnknownFile.error(start) }
        let directory =
            start.count == output.headerByteCount ? TIFFByteOrder.littleEndian.number(start.suffix(start.count / 2)) : 0
        guard start == output.form.header(firstDirectory: directory) else {
            throw CodecError.corrupt("The TIFF file does not begin as one of ours.")
        }
        var places = output.levels.map { _ in TIFFOutput.Places() }
        for row in 0..<output.rowCount {
            for (index, level) in output.levels.enumerated() {
                try checkPieces(of: level, ofImageRows: output.imageRowCount(ofRow: row)) {
                    offset, byteCount in
                    places[index].append(offset, UInt64(byteCount))
                }
            }
        }
        let end = bytes.offset
        guard directory == end else {
            throw CodecError.corrupt(
                "The TIFF file's directory is said to be at byte \(directory); it has to be at byte \(end).")
        }
        let arrays = 16 * UInt64(places.reduce(0) { $0 + $1.offsets.count }) + 65_536
        guard bytes.restByteCount <= UInt64(TIFFOutputMetadata.maximumByteCount) + arrays,
            let suffix = try bytes.take(Int(bytes.restByteCount))
        else { throw CodecError.corrupt("The TIFF file has \(bytes.restByteCount) bytes behind its pieces, too many.") }
        // Nothing but what is behind the pieces is looked at: the rest is as if it were zeros.
        let source = try TIFFSource(byteCount: bytes.byteCount) { offset, count in
            (offset..<offset + UInt64(count)).map {
                $0 < UInt64(start.count) ? start[Int($0)] : $0 >= end ? suffix[Int($0 - end)] : 0
            }
        }
        let metadata = try TIFFOutputMetadata(try TIFFDirectory(at: end, in: source), in: source)
        guard suffix == output.suffix(places, metadata: metadata, at: end) else {
            throw CodecError.corrupt(
                "The TIFF file's directory is not that of \(output.shape.width) x \(output.shape.height) pixels of "
                    + "\(output.shape.format.channelCount) x \(output.shape.format.depth.rawValue) bits, or not where it says "
                    + "its pieces are.")
        }
    }

    /// The encoded segments of `rowCount` rows.
    mutating func checkSegments(ofRows rowCount: Int, _ expected: FilteredChecksum) throws {
        for first in stride(from: 0, to: rowCount, by: TIFFOutput.pieceSide) {
            for level in output.levels {
                try checkPieces(of: level, ofImageRows: min(TIFFOutput.pieceSide, rowCount - first)) {
                    _, _ in
                }
            }
        }
        guard bytes.restByteCount == 0 else {
            throw CodecError.corrupt("\(bytes.restByteCount) bytes follow the segments of \(rowCount) rows.")
        }
        guard checksum == expected else {
            throw CodecError.corrupt(
                "The segments of \(rowCount) rows have \(checksum.byteCount) bytes with the checksum \(checksum.adler32); "
                    + "\(expected.byteCount) with \(expected.adler32) were announced.")
        }
    }

    // MARK: Parts

    private mutating func checkPieces(
        of level: TIFFOutput.Level, ofImageRows rowCount: Int,
        _ found: (_ offset: UInt64, _ byteCount: Int) -> Void
    ) throws {
        let start = bytes.offset
        guard let table = try take(level.tableByteCount) else { throw truncated(at: start) }
        let stored = level.pieceByteCount(ofRows: level.rowCount(ofImageRows: rowCount))
        for column in 0..<level.columnCount {
            let offset = bytes.offset
            let byteCount = Int(TIFFByteOrder.littleEndian.number(table[4 * column..<4 * column + 4]))
            guard output.allowedByteCounts(of: stored).contains(byteCount) else {
                throw CodecError.corrupt("The piece at byte \(offset) has \(byteCount) bytes for \(stored) of pixels.")
            }
            guard UInt64(byteCount + byteCount % 2) <= bytes.restByteCount else { throw truncated(at: offset) }
            found(offset, byteCount)
            if output.isCompressed {
                let head = try take(2)
                try pass(byteCount - 8)
                let tail = try take(6)
                guard head == ZlibFraming.start, tail?.starts(with: ZlibFraming.end) == true else {
                    throw CodecError.corrupt("The piece at byte \(offset) is not a stream of our encoder.")
                }
            } else {
                try pass(byteCount)
            }
            let padding = try take(byteCount % 2) ?? [1]
            guard padding.allSatisfy({ $0 == 0 }) else {
                throw CodecError.corrupt("The piece at byte \(offset) is not followed by a zero.")
            }
        }
    }

    private mutating func take(_ count: Int) throws -> [UInt8]? {
        guard let taken = try bytes.take(count) else { return nil }
        checksum.append(FilteredChecksum(adler32: Adler32.checksum(taken), byteCount: UInt64(count)))
        return taken
    }

    private mutating func pass(_ count: Int) throws {
        var passed = FilteredChecksum()
        try bytes.pass(UInt64(count)) {
            passed.append(FilteredChecksum(adler32: Adler32.checksum($0), byteCount: UInt64($0.count)))
        }
        checksum.append(passed)
    }

    private func truncated(at offset: UInt64) -> CodecError {
        .corrupt("The pieces are truncated: there are \(bytes.byteCount) bytes, and a piece at byte \(offset).")
    }
}
