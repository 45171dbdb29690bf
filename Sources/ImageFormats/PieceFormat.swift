import Pipelines

/// A format whose files keep the image in pieces (strips, tiles) that decode independently of each other, each of some rows.
///
/// For some rows of an image, only a part of its file is needed, and no other rows have to be decoded before. So a worker that
/// computes a chunk can read its input rows straight from the file:
///
///     1  `pieces` reads where the pieces are, by ranges; `limited(to:)` keeps those of the rows in question, and `encoded`
///        and `init(encoded:)` carry them to another machine
///     2  `byteRanges(for:)` says which bytes of the file are needed for the rows
///     3  `PieceDecoding.pieceDecoder` (ImageCodecs) makes rows of these bytes
public protocol PieceFormat: ImageFormat {
    associatedtype Layout: PieceLayout

    /// Reads where the pieces of the image are: what `probe` reads, with the same limits and the same errors.
    func pieces(
        byteCount: UInt64, limits: DecodingLimits, read: (_ offset: UInt64, _ count: Int) throws -> [UInt8]
    ) throws -> Layout
}

/// Where the pieces of an image are in a file.
public protocol PieceLayout: Hashable, Sendable {
    /// The image as it decodes.
    var shape: ImageShape { get }

    /// The rows that are decoded with these: all of each piece that has one of them. Reading in steps that end at these limits
    /// decodes no piece twice.
    func decodedRows(for rows: Range<Int>) -> Range<Int>

    /// The parts of the file that are needed to decode the rows, and nothing else: in ascending order, apart from each other.
    func byteRanges(for rows: Range<Int>) -> [Range<UInt64>]

    /// The layout with the pieces of these rows only.
    func limited(to rows: Range<Int>) -> Self

    /// A form that can be sent.
    var encoded: [UInt8] { get }

    /// Reads that form, which may come from anybody.
    ///
    /// - Throws: `CodecError` (corrupt).
    init(encoded: [UInt8]) throws(CodecError)
}
