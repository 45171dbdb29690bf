import ImageFormats
import JobModel
import Pipelines

/// The half of a format of pieces that touches pixels: any rows of an image, in any order, from the bytes of their pieces.
public protocol PieceDecoding: ImageDecoding, PieceFormat {
    /// Reads, by ranges, all of a file but its pixels.
    func pieceSource(
        byteCount: UInt64, limits: DecodingLimits, read: (_ offset: UInt64, _ count: Int) throws -> [UInt8]
    ) throws -> any PieceSource

    /// - Parameter layout: where the pieces are; of another machine's word, that has been checked only for what memory safety
    ///   needs.
    func pieceDecoder(of layout: Layout) -> any PieceDecoder
}

/// A file without its pixels: what `ImageDecoder` says of it, and where its pieces are.
public protocol PieceSource {
    var header: ImageHeader { get }
    var layout: any PieceLayout { get }

    /// The metadata of the file that belongs to an output as well; see `ImageDecoder.metadata`.
    func metadata(
        for format: any ImageEncoding, stripping: MetadataStripping, output: ImageShape, effect: MetadataEffect
    ) -> [UInt8]

    /// What was passed over or left out, for the file's owner.
    var remarks: [ImageRemark] { get }
}

/// Decodes rows of an image from the bytes of their pieces. Belongs to one thread at a time; several of them, of one file or of
/// many, do not share anything.
///
/// Memory: one piece, besides the rows.
public protocol PieceDecoder: AnyObject {
    /// Decodes a share of the pieces of some rows; several decoders fill the same rows side by side.
    ///
    /// - Parameters:
    ///   - rows: of those that the layout is limited to.
    ///   - share: which of the pieces are decoded, of as many shares as there are decoders. Pixels of the others are not touched.
    ///   - destination: room for the rows, aligned for their samples: one after the other without padding, in the layout of
    ///     the image's shape.
    ///   - bytes: returns a part of the file, whole; each is within one of the layout's `byteRanges(for: rows)`. What it
    ///     returns is used until it is called again.
    /// - Throws: `CodecError` (corrupt) for a piece that is damaged; what `bytes` throws.
    func decode(
        _ rows: Range<Int>, share: PieceShare, to destination: UnsafeMutableRawPointer,
        bytes: (Range<UInt64>) throws(CodecError) -> UnsafeRawBufferPointer
    ) throws(CodecError)
}

extension PieceDecoder {
    /// Decodes all pieces of some rows.
    public func decode(
        _ rows: Range<Int>, to destination: UnsafeMutableRawPointer,
        bytes: (Range<UInt64>) throws(CodecError) -> UnsafeRawBufferPointer
    ) throws(CodecError) {
        try decode(rows, share: .all, to: destination, bytes: bytes)
    }
}

/// One of equal shares of a number of pieces.
public struct PieceShare: Hashable, Sendable {
    public let index: Int
    public let count: Int

    public static let all = PieceShare(index: 0, count: 1)

    public init(index: Int, count: Int) {
        precondition(index >= 0 && index < count, "share \(index) of \(count)")
        self.index = index
        self.count = count
    }

    /// The part of `pieceCount` pieces that the share is.
    public func pieces(of pieceCount: Int) -> Range<Int> {
        pieceCount * index / count..<pieceCount * (index + 1) / count
    }
}
