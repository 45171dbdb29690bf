import ByteCoding
import JobModel
import Pipelines

/// How the samples of a TIFF image are stored: all that is needed to make pixels of its pieces, but for their bytes.
package struct TIFFEncoding: Hashable, Sendable {
    package enum Photometric: UInt8, Hashable, Sendable {
        case whiteIsZero = 0
        case blackIsZero = 1
        case rgb = 2
        case palette = 3
        /// Cyan, magenta, yellow and black; decoded to RGB through the file's profile.
        case separated = 5
        /// Only where JPEG is inside.
        case yCbCr = 6
    }

    /// What becomes of a sample behind the colours.
    package enum Extra: UInt8, Hashable, Sendable {
        /// There is none.
        case none = 0
        /// It is left out: the file does not say what it is.
        case dropped = 1
        case alpha = 2
        /// The colours were multiplied by it, and are divided by it.
        case associatedAlpha = 3
    }

    package var order: TIFFByteOrder
    package var compression: TIFFCompression
    package var photometric: Photometric
    /// Bits of a sample: 1, 2, 4, 8 or 16.
    package var bitDepth: Int
    /// Samples of a pixel in the file.
    package var sampleCount: Int
    package var extra: Extra
    /// Whether each sample has pieces of its own.
    package var isPlanar: Bool
    /// Whether samples are differences from their left neighbours.
    package var isPredicted: Bool
    /// Whether the first pixel of a byte is in its lowest bits.
    package var hasReversedBits: Bool
    /// How many pixels share a colour: horizontally, vertically.
    package var subsampling: [UInt8] = [2, 2]
    package var jpegTables: [UInt8] = []
    /// The palette's colours, three bytes each.
    package var palette: [UInt8] = []
    /// What inks look like: the file's ICC profile.
    package var inkProfile: [UInt8] = []
    /// Where pieces are restart intervals of one JPEG picture: what they need before them to be a picture each.
    package var intervalHeader: [UInt8] = []

    /// Samples of a pixel in a piece.
    package var samplesPerPiece: Int { isPlanar ? 1 : sampleCount }

    package func storedBytesPerRow(width: Int) -> Int { (width * samplesPerPiece * bitDepth + 7) / 8 }

    /// The pixels that are made of the samples.
    package var format: PixelFormat {
        let hasAlpha = extra == .alpha || extra == .associatedAlpha
        let layout: ChannelLayout =
            switch photometric {
            case .whiteIsZero, .blackIsZero: hasAlpha ? .grayAlpha : .gray
            case .rgb, .palette, .yCbCr: hasAlpha ? .rgba : .rgb
            case .separated: .rgb
            }
        return PixelFormat(layout, bitDepth == 16 ? .sixteen : .eight)
    }

    /// Channels of a pixel before inks become colours.
    package var expandedChannelCount: Int { photometric == .separated ? 4 : format.channelCount }
}

/// Where the pieces (strips or tiles) of an image in a TIFF file are, and which rows each of them has.
///
///     row of pieces 0   | piece 0 | piece 1 | piece 2 |     strips: one piece in a row
///     row of pieces 1   | piece 3 | piece 4 | piece 5 |     planar: all that for each sample, one after the other
///
/// Pieces decode independently of each other: for some rows of the image, only the bytes of the pieces that have some of
/// these rows are needed. Strips that are not compressed are cut into pieces of about 1 MiB, since any part of them will
/// do: a file of one strip is read like others.
public struct TIFFLayout: PieceLayout {
    /// A piece of the image.
    package struct Piece: Hashable, Sendable {
        /// Its number in the file, as messages name it.
        package let index: Int
        /// The rows of the image that it has; the last tiles have more, which do not count.
        package let rows: Range<Int>
        package let columns: Range<Int>
        /// The sample that it has, where each has pieces of its own.
        package let plane: Int
        /// Where it is in the file.
        package let bytes: Range<UInt64>
    }

    /// The image as it decodes.
    public let shape: ImageShape
    package let encoding: TIFFEncoding
    package let isTiled: Bool
    /// Pixels of a tile, or of a strip: the image's width, and the rows of all strips but the last.
    package let storedWidth: Int
    package let storedHeight: Int
    /// The rows of pieces that are described: all, or those that were asked for.
    package let pieceRows: Range<Int>
    /// For each plane, for each row of pieces: where each piece begins, and its bytes.
    package let offsets: [UInt64]
    package let byteCounts: [UInt64]

    package init(
        shape: ImageShape, encoding: TIFFEncoding, isTiled: Bool, storedWidth: Int, storedHeight: Int,
        pieceRows: Range<Int>? = nil, offsets: [UInt64], byteCounts: [UInt64]
    ) {
        self.shape = shape
        self.encoding = encoding
        self.isTiled = isTiled
        self.storedWidth = storedWidth
        self.storedHeight = storedHeight
        let all = 0..<(shape.height + storedHeight - 1) / storedHeight
        self.pieceRows = pieceRows ?? all
        self.offsets = offsets
        self.byteCounts = byteCounts
        let count = planeCount * columnCount * self.pieceRows.count
        precondition(offsets.count == count && byteCounts.count == count, "\(offsets.count) pieces instead of \(count)")
    }

    package var planeCount: Int { encoding.isPlanar ? encoding.sampleCount : 1 }
    /// Pieces side by side.
    package var columnCount: Int { (shape.width + storedWidth - 1) / storedWidth }
    /// Rows of pieces in the whole image.
    package var rowCount: Int { (shape.height + storedHeight - 1) / storedHeight }
    package var storedBytesPerRow: Int { encoding.storedBytesPerRow(width: storedWidth) }

    /// Bytes of a strip that are read at a time, where any part of it will do.
    private static let partByteCount = 1 << 20

    /// The rows that are decoded at a time: those of a row of pieces, or of a part of a strip.
    package var rowsPerBand: Int {
        guard encoding.compression == .none, !isTiled else { return storedHeight }
        return min(storedHeight, max(1, Self.partByteCount / storedBytesPerRow))
    }

    /// The rows that are decoded together with a row: those of its row of pieces, or of a part of its strip.
    package func band(ofRow row: Int) -> Range<Int> {
        let first = row - row % storedHeight
        let start = first + (row - first) / rowsPerBand * rowsPerBand
        return start..<min(start + rowsPerBand, first + storedHeight, shape.height)
    }

    /// The pieces of a band, as `band` returns it: for each plane from left to right.
    package func pieces(ofBand band: Range<Int>) -> [Piece] {
        let row = band.lowerBound / storedHeight
        precondition(pieceRows.contains(row), "rows \(band) are not among the rows of pieces \(pieceRows)")
        var pieces: [Piece] = []
        pieces.reserveCapacity(planeCount * columnCount)
        for plane in 0..<planeCount {
            for column in 0..<columnCount {
                let stored = (plane * pieceRows.count + row - pieceRows.lowerBound) * columnCount + column
                let start = column * storedWidth
                pieces.append(
                    Piece(
                        index: (plane * rowCount + row) * columnCount + column, rows: band,
                        columns: start..<min(start + storedWidth, shape.width), plane: plane,
                        bytes: bytes(ofPiece: stored, band)))
            }
        }
        return pieces
    }

    private func bytes(ofPiece stored: Int, _ band: Range<Int>) -> Range<UInt64> {
        let start = offsets[stored]
        // Both were compared with the size of the file.
        let end = start + byteCounts[stored]
        guard encoding.compression == .none, !isTiled else { return start..<end }
        let first = start + UInt64(band.lowerBound % storedHeight * storedBytesPerRow)
        return min(first, end)..<min(first + UInt64(band.count * storedBytesPerRow), end)
    }

    public var facts: PieceFacts {
        var largest: UInt64 = 0
        for row in 0..<pieceRows.count {
            var byteCount: UInt64 = 0
            for plane in 0..<planeCount {
                let first = (plane * pieceRows.count + row) * columnCount
                for piece in first..<first + columnCount {
                    let sum = byteCount.addingReportingOverflow(byteCounts[piece])
                    byteCount = sum.overflow ? .max : sum.partialValue
                }
            }
            largest = max(largest, byteCount)
        }
        if rowsPerBand < storedHeight {
            largest = min(largest, UInt64(planeCount * rowsPerBand) * UInt64(storedBytesPerRow))
        }
        return PieceFacts(
            count: UInt32(clamping: planeCount * columnCount * ((shape.height - 1) / rowsPerBand + 1)),
            rowsPerBand: UInt32(clamping: rowsPerBand), largestBandByteCount: largest)
    }

    public var tableByteCount: Int {
        encoding.jpegTables.count + encoding.palette.count + encoding.inkProfile.count + encoding.intervalHeader.count
    }

    /// Calls `body` with each band that has some of the rows, from top to bottom.
    package func forEachBand<Failure: Error>(
        of rows: Range<Int>, _ body: (Range<Int>) throws(Failure) -> Void
    ) throws(Failure) {
        var row = rows.lowerBound
        while row < rows.upperBound {
            let band = band(ofRow: row)
            try body(band)
            row = band.upperBound
        }
    }

    public func decodedRows(for rows: Range<Int>) -> Range<Int> {
        precondition(
            !rows.isEmpty && rows.lowerBound >= 0 && rows.upperBound <= shape.height, "rows \(rows) of \(shape.height)")
        return band(ofRow: rows.lowerBound).lowerBound..<band(ofRow: rows.upperBound - 1).upperBound
    }

    public func byteRanges(for rows: Range<Int>) -> [Range<UInt64>] {
        precondition(rows.lowerBound >= 0 && rows.upperBound <= shape.height, "rows \(rows) of \(shape.height)")
        var ranges: [Range<UInt64>] = []
        forEachBand(of: rows) { band in
            ranges += pieces(ofBand: band).map(\.bytes).filter { !$0.isEmpty }
        }
        ranges.sort { ($0.lowerBound, $0.upperBound) < ($1.lowerBound, $1.upperBound) }
        var merged: [Range<UInt64>] = []
        for range in ranges {
            if let last = merged.last, range.lowerBound <= last.upperBound {
                merged[merged.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
            } else {
                merged.append(range)
            }
        }
        return merged
    }

    public func holds(_ rows: Range<Int>) -> Bool {
        !rows.isEmpty && rows.lowerBound >= 0 && rows.upperBound <= shape.height
            && pieceRows.contains(rows.lowerBound / storedHeight)
            && pieceRows.contains((rows.upperBound - 1) / storedHeight)
    }

    public func limited(to rows: Range<Int>) -> TIFFLayout {
        precondition(
            !rows.isEmpty && rows.lowerBound >= 0 && rows.upperBound <= shape.height, "rows \(rows) of \(shape.height)")
        let kept = rows.lowerBound / storedHeight..<(rows.upperBound - 1) / storedHeight + 1
        precondition(
            pieceRows.lowerBound <= kept.lowerBound && kept.upperBound <= pieceRows.upperBound,
            "rows \(rows) are not among the rows of pieces \(pieceRows)")
        var indices: [Int] = []
        for plane in 0..<planeCount {
            let start = (plane * pieceRows.count + kept.lowerBound - pieceRows.lowerBound) * columnCount
            indices += start..<start + kept.count * columnCount
        }
        return TIFFLayout(
            shape: shape, encoding: encoding, isTiled: isTiled, storedWidth: storedWidth, storedHeight: storedHeight,
            pieceRows: kept, offsets: indices.map { offsets[$0] }, byteCounts: indices.map { byteCounts[$0] })
    }
}
