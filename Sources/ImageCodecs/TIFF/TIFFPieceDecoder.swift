import CTIFF
import ImageFormats
import Pipelines

/// Decodes rows of a TIFF image from the bytes of their strips or tiles: by libtiff, piece by piece, or by copying where
/// nothing is compressed.
///
/// libtiff is given a directory that we made (`TIFFLayout.pieceHeader`) and raw pieces; it reads no file.
final class TIFFPieceDecoder: PieceDecoder {
    private let layout: TIFFLayout
    private let isLenient: Bool
    private let expansion: TIFFExpansion
    /// A piece as it is stored, decompressed.
    private let piece: UnsafeMutableRawBufferPointer
    /// Opened for the first piece, since libtiff looks into it.
    private var decoder: OpaquePointer?
    /// Compressed bytes whose bits libtiff turns in place; a restart interval with what makes it a picture.
    private var prepared: [UInt8] = []
    /// Inks of some rows, before they become colours, and what makes them so.
    private var inks: UnsafeMutableRawPointer?
    private var inkConversion: InkConversion?

    /// Pieces that were damaged, and decoded as far as they go; a piece counts each time it is decoded.
    private(set) var damagedPieceCount: UInt32 = 0
    /// Their bytes in the file.
    private(set) var damagedByteCount: UInt64 = 0

    init(_ layout: TIFFLayout, isLenient: Bool) {
        self.layout = layout
        self.isLenient = isLenient
        expansion = TIFFExpansion(layout.encoding)
        piece = .allocate(byteCount: layout.rowsPerBand * layout.storedBytesPerRow, alignment: 64)
    }

    deinit {
        tsr_tiff_close(decoder)
        piece.deallocate()
        inks?.deallocate()
    }

    func decode(
        _ rows: Range<Int>, share: PieceShare, to destination: UnsafeMutableRawPointer,
        bytes: (Range<UInt64>) throws(CodecError) -> UnsafeRawBufferPointer
    ) throws(CodecError) {
        let shape = layout.shape
        precondition(rows.lowerBound >= 0 && rows.upperBound <= shape.height, "rows \(rows) of \(shape.height)")
        var bandCount = 0
        layout.forEachBand(of: rows) { _ in bandCount += 1 }
        let columnCount = layout.columnCount
        let own = share.pieces(of: bandCount * columnCount)
        var firstColumn = 0
        try layout.forEachBand(of: rows) { band throws(CodecError) in
            let columns = own.clamped(to: firstColumn..<firstColumn + columnCount)
            defer { firstColumn += columnCount }
            guard !columns.isEmpty else { return }
            let wanted = max(rows.lowerBound, band.lowerBound)..<min(rows.upperBound, band.upperBound)
            let first = destination + (wanted.lowerBound - rows.lowerBound) * shape.bytesPerRow
            let pieces = layout.pieces(ofBand: band)
            for column in columns.lowerBound - firstColumn..<columns.upperBound - firstColumn {
                // Of planes, the pieces of all samples.
                let planes = (0..<layout.planeCount).map { pieces[$0 * columnCount + column] }
                let part = PartOfRows(
                    start: first + planes[0].columns.lowerBound * shape.format.bytesPerPixel,
                    bytesPerRow: shape.bytesPerRow, rows: wanted, width: planes[0].columns.count)
                if layout.encoding.photometric == .separated {
                    try decodeInks(planes, to: part, bytes)
                } else {
                    for plane in planes { try decode(plane, to: part, bytes) }
                }
                if expansion.dividesByAlpha { divideByAlpha(part) }
            }
        }
    }

    /// The pixels that a piece has of some rows.
    private struct PartOfRows {
        let start: UnsafeMutableRawPointer
        let bytesPerRow: Int
        let rows: Range<Int>
        let width: Int

        /// The first pixel of a row.
        func row(_ y: Int) -> UnsafeMutableRawPointer { start + (y - rows.lowerBound) * bytesPerRow }
    }

    private func decodeInks(
        _ planes: [TIFFLayout.Piece], to colors: PartOfRows,
        _ bytes: (Range<UInt64>) throws(CodecError) -> UnsafeRawBufferPointer
    ) throws(CodecError) {
        let encoding = layout.encoding
        let conversion = try conversionOfInks()
        let bytesPerPixel = encoding.expandedChannelCount * encoding.bitDepth / 8
        let memory =
            inks
            ?? UnsafeMutableRawPointer.allocate(
                byteCount: layout.rowsPerBand * layout.storedWidth * bytesPerPixel, alignment: 64)
        inks = memory
        let stored = PartOfRows(
            start: memory, bytesPerRow: colors.width * bytesPerPixel, rows: colors.rows, width: colors.width)
        for plane in planes { try decode(plane, to: stored, bytes) }
        for y in colors.rows { conversion.convert(stored.row(y), count: colors.width, to: colors.row(y)) }
    }

    private func conversionOfInks() throws(CodecError) -> InkConversion {
        if let inkConversion { return inkConversion }
        let made = try InkConversion(
            profile: layout.encoding.inkProfile, isInverted: false, depth: layout.encoding.format.depth, kind: "TIFF")
        inkConversion = made
        return made
    }

    private func decode(
        _ piece: TIFFLayout.Piece, to pixels: PartOfRows,
        _ bytes: (Range<UInt64>) throws(CodecError) -> UnsafeRawBufferPointer
    ) throws(CodecError) {
        let none = UnsafeRawBufferPointer(start: nil, count: 0)
        // Rows behind those that are wanted are not decompressed; where damage is counted, all are.
        let last = isLenient ? piece.rows.upperBound : pixels.rows.upperBound
        try decompress(
            piece, rowCount: last - piece.rows.lowerBound, try piece.bytes.isEmpty ? none : bytes(piece.bytes))
        expand(piece, to: pixels)
    }

    private func divideByAlpha(_ pixels: PartOfRows) {
        for y in pixels.rows { expansion.divideByAlpha(pixels.row(y), count: pixels.width) }
    }

    private func expand(_ part: TIFFLayout.Piece, to pixels: PartOfRows) {
        guard let stored = piece.baseAddress else { preconditionFailure("a piece has at least one pixel") }
        for y in pixels.rows {
            expansion.expand(
                stored + (y - part.rows.lowerBound) * layout.storedBytesPerRow, plane: part.plane, count: pixels.width,
                to: pixels.row(y))
        }
    }

    // MARK: Pieces

    /// Decompresses the first rows of a piece to `piece`.
    private func decompress(
        _ part: TIFFLayout.Piece, rowCount: Int, _ bytes: UnsafeRawBufferPointer
    ) throws(CodecError) {
        // What a damaged piece leaves out is black, not what was in memory before.
        piece.initializeMemory(as: UInt8.self, repeating: 0)
        let problem =
            layout.encoding.compression == .none ? copy(part, bytes) : try decompressByLibTIFF(part, rowCount, bytes)
        guard let problem else { return }
        guard isLenient else {
            throw .corrupt(
                "The TIFF file is damaged: its \(layout.isTiled ? "tile" : "strip") \(part.index), of rows "
                    + "\(part.rows.lowerBound) to \(part.rows.upperBound - 1), cannot be decoded: \(problem). "
                    + "Send an intact copy, or have it decoded as far as it goes (--lenient).")
        }
        if damagedPieceCount < .max { damagedPieceCount += 1 }
        damagedByteCount += UInt64(part.bytes.count)
    }

    /// - Returns: what is wrong with the piece.
    private func copy(_ part: TIFFLayout.Piece, _ bytes: UnsafeRawBufferPointer) -> String? {
        // A tile has all of its rows, also those below the image.
        let needed = (layout.isTiled ? layout.storedHeight : part.rows.count) * layout.storedBytesPerRow
        let count = min(needed, bytes.count)
        piece.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
        if layout.encoding.hasReversedBits {
            for index in 0..<count { piece[index] = Self.turned(piece[index]) }
        }
        if layout.encoding.bitDepth == 16, (layout.encoding.order == .bigEndian) != (1.bigEndian == 1) {
            let samples = piece.assumingMemoryBound(to: UInt16.self)
            for index in 0..<count / 2 { samples[index] = samples[index].byteSwapped }
        }
        return count < needed ? "it has \(bytes.count) bytes, and needs \(needed)" : nil
    }

    private static func turned(_ byte: UInt8) -> UInt8 {
        let halves = byte << 4 | byte >> 4
        let pairs = (halves & 0x33) << 2 | (halves & 0xcc) >> 2
        return (pairs & 0x55) << 1 | (pairs & 0xaa) >> 1
    }

    /// - Returns: what is wrong with the piece, as libtiff says it.
    /// - Throws: `CodecError` when libtiff cannot decode such pieces at all.
    private func decompressByLibTIFF(_ part: TIFFLayout.Piece, _ rowCount: Int, _ bytes: UnsafeRawBufferPointer)
        throws(CodecError) -> String?
    {
        guard !bytes.isEmpty else { return "it has no bytes" }
        let isInterval = !layout.encoding.intervalHeader.isEmpty
        let hasReversedBits = layout.encoding.hasReversedBits && layout.encoding.compression != .jpeg
        let hasMarker = isInterval ? prepareInterval(bytes, isFirst: part.index == 0) : true
        if hasReversedBits { prepared.replaceSubrange(0..<prepared.count, with: bytes) }
        // It is written to only where bits are turned.
        let problem =
            isInterval || hasReversedBits
            ? try prepared.withUnsafeMutableBytes { prepared in
                Result { () throws(CodecError) in try decompress(part, rowCount, prepared) }
            }.get() : try decompress(part, rowCount, UnsafeMutableRawBufferPointer(mutating: bytes))
        return hasMarker ? problem : "no restart marker is where McuStarts says that it begins"
    }

    private func decompress(_ part: TIFFLayout.Piece, _ rowCount: Int, _ bytes: UnsafeMutableRawBufferPointer)
        throws(CodecError) -> String?
    {
        let decoder = try libtiff(for: UnsafeRawBufferPointer(bytes))
        let isShorterStrip = !layout.isTiled && part.rows.count < layout.storedHeight
        // All of a tile, with its rows below the image: only then its end is looked at.
        let rowCount = layout.isTiled && rowCount == part.rows.count ? layout.storedHeight : rowCount
        let isWhole = tsr_tiff_decode(
            decoder, isShorterStrip ? 1 : 0, bytes.baseAddress, bytes.count, piece.baseAddress,
            rowCount * layout.storedBytesPerRow)
        return isWhole ? nil : Self.message(of: decoder)
    }

    /// Makes a JPEG file of a restart interval.
    ///
    /// - Returns: whether the interval begins behind a restart marker.
    private func prepareInterval(_ bytes: UnsafeRawBufferPointer, isFirst: Bool) -> Bool {
        prepared.replaceSubrange(0..<prepared.count, with: layout.encoding.intervalHeader)
        prepared += bytes.dropFirst(2)
        prepared += JPEGMarker.endOfImage.bytes
        let marker = bytes.prefix(2)
        return isFirst || marker.first == 0xff && (0xd0...0xd7).contains(marker.last ?? 0)
    }

    private func libtiff(for piece: UnsafeRawBufferPointer) throws(CodecError) -> OpaquePointer {
        if let decoder { return decoder }
        let header = layout.pieceHeader(pieceByteCount: piece.count)
        let opened = header.withUnsafeBytes { header in
            tsr_tiff_open(header.baseAddress, header.count, piece.baseAddress, piece.count)
        }
        guard let opened else { preconditionFailure("out of memory for a TIFF decoder") }
        guard tsr_tiff_is_ready(opened) else {
            defer { tsr_tiff_close(opened) }
            throw .unsupported(
                "The TIFF file's \(layout.encoding.compression) data cannot be decoded: \(Self.message(of: opened)).")
        }
        decoder = opened
        return opened
    }

    /// The printable characters of libtiff's sentence, without its full stop.
    private static func message(of decoder: OpaquePointer) -> String {
        let text = String(cString: tsr_tiff_message(decoder))
        let printable = String(text.unicodeScalars.filter { (0x20..<0x7f).contains($0.value) }.map(Character.init))
        return printable.hasSuffix(".") ? String(printable.dropLast()) : printable
    }
}
