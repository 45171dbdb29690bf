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
    /// Compressed bytes whose bits libtiff turns in place.
    private var turned: [UInt8] = []

    private(set) var damagedPieceCount: UInt32 = 0
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
                for plane in 0..<layout.planeCount {
                    try decode(pieces[plane * columnCount + column], wanted, to: first, bytes)
                }
                if expansion.dividesByAlpha { divideByAlpha(pieces[column].columns, wanted.count, first) }
            }
        }
    }

    private func decode(
        _ part: TIFFLayout.Piece, _ wanted: Range<Int>, to destination: UnsafeMutableRawPointer,
        _ bytes: (Range<UInt64>) throws(CodecError) -> UnsafeRawBufferPointer
    ) throws(CodecError) {
        let none = UnsafeRawBufferPointer(start: nil, count: 0)
        // Rows behind those that are wanted are not decompressed; where damage is counted, all are.
        let last = isLenient ? part.rows.upperBound : wanted.upperBound
        try decompress(
            part, rowCount: last - part.rows.lowerBound, try part.bytes.isEmpty ? none : bytes(part.bytes))
        expand(part, wanted, to: destination)
    }

    private func divideByAlpha(_ columns: Range<Int>, _ rowCount: Int, _ destination: UnsafeMutableRawPointer) {
        let shape = layout.shape
        let first = destination + columns.lowerBound * shape.format.bytesPerPixel
        for y in 0..<rowCount { expansion.divideByAlpha(first + y * shape.bytesPerRow, count: columns.count) }
    }

    private func expand(_ part: TIFFLayout.Piece, _ wanted: Range<Int>, to destination: UnsafeMutableRawPointer) {
        guard let stored = piece.baseAddress else { preconditionFailure("a piece has at least one pixel") }
        let offset = part.columns.lowerBound * layout.shape.format.bytesPerPixel
        for y in wanted {
            expansion.expand(
                stored + (y - part.rows.lowerBound) * layout.storedBytesPerRow, plane: part.plane,
                count: part.columns.count,
                to: destination + (y - wanted.lowerBound) * layout.shape.bytesPerRow + offset)
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
    private func decompressByLibTIFF(
        _ part: TIFFLayout.Piece, _ rowCount: Int, _ bytes: UnsafeRawBufferPointer
    ) throws(CodecError) -> String? {
        guard let start = bytes.baseAddress, !bytes.isEmpty else { return "it has no bytes" }
        let decoder = try libtiff(for: bytes)
        let isShorterStrip = !layout.isTiled && part.rows.count < layout.storedHeight
        // All of a tile, with its rows below the image: only then its end is looked at.
        let rowCount = layout.isTiled && rowCount == part.rows.count ? layout.storedHeight : rowCount
        let byteCount = rowCount * layout.storedBytesPerRow
        let index: UInt32 = isShorterStrip ? 1 : 0
        var isWhole = false
        if layout.encoding.hasReversedBits, layout.encoding.compression != .jpeg {
            turned.replaceSubrange(0..<turned.count, with: bytes)
            isWhole = turned.withUnsafeMutableBytes {
                tsr_tiff_decode(decoder, index, $0.baseAddress, $0.count, piece.baseAddress, byteCount)
            }
        } else {
            // It is written to only where bits are turned.
            isWhole = tsr_tiff_decode(
                decoder, index, UnsafeMutableRawPointer(mutating: start), bytes.count, piece.baseAddress, byteCount)
        }
        return isWhole ? nil : Self.message(of: decoder)
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
