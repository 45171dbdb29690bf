import ImageFormats

/// The half of a format of pieces that touches pixels: any rows of an image, in any order, from the bytes of their pieces.
public protocol PieceDecoding: ImageDecoding, PieceFormat {
    /// - Parameters:
    ///   - layout: where the pieces are; of another machine's word, that has been checked only for what memory safety needs.
    ///   - isLenient: whether a piece that is damaged is decoded as far as it goes.
    func pieceDecoder(of layout: Layout, isLenient: Bool) -> any PieceDecoder
}

/// Decodes rows of an image from the bytes of their pieces. Belongs to one thread at a time; several of them, of one file or of
/// many, do not share anything.
///
/// Memory: one piece, besides the rows.
public protocol PieceDecoder: AnyObject {
    /// Decodes rows, one after the other without padding, in the layout of the image's shape.
    ///
    /// - Parameters:
    ///   - rows: of those that the layout is limited to.
    ///   - destination: room for the rows, aligned for their samples.
    ///   - bytes: returns a part of the file, whole; each is within one of the layout's `byteRanges(for: rows)`. What it
    ///     returns is used until it is called again.
    /// - Throws: `CodecError` (corrupt) for a piece that is damaged; what `bytes` throws.
    func decode(
        _ rows: Range<Int>, to destination: UnsafeMutableRawPointer,
        bytes: (Range<UInt64>) throws(CodecError) -> UnsafeRawBufferPointer
    ) throws(CodecError)

    /// Pieces that were damaged, and decoded as far as they go; a piece counts each time it is decoded.
    var damagedPieceCount: UInt32 { get }
    /// Their bytes in the file.
    var damagedByteCount: UInt64 { get }
}
