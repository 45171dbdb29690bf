import JobModel
import Pipelines

/// A format whose files may keep the image in pieces (strips, tiles, restart intervals) that decode independently of each
/// other, each of some rows.
///
/// For some rows of an image, only a part of its file is needed, and no other rows have to be decoded before. So a worker that
/// computes a chunk reads its input rows straight from the file (decision 55):
///
///     1  when the file is admitted, `pieces` reads where they are, by ranges, and `isWorthReading` decides
///     2  `PieceDecoding.pieceReader` (ImageCodecs) reads them again for the workers, and `chunkPieces(for:)` says which bytes
///        and which part of the layout a chunk needs
///     3  `PieceDecoding.pieceDecoder` makes rows of these bytes
public protocol PieceFormat: ImageFormat {
    associatedtype Layout: PieceLayout

    /// Whether files say where their pieces are. Otherwise all of a file is read to find them.
    var listsPieces: Bool { get }

    /// Reads where the pieces of the image are, with the limits and the errors of `probe`.
    ///
    /// - Returns: `nil` for an image that is not in pieces.
    func pieces(
        byteCount: UInt64, limits: DecodingLimits, read: (_ offset: UInt64, _ count: Int) throws -> [UInt8]
    ) throws -> Layout?
}

/// Where the pieces of an image are in a file.
public protocol PieceLayout: Hashable, Sendable {
    /// The image as it decodes.
    var shape: ImageShape { get }

    /// The rows that are decoded with these: all of each piece that has one of them. Reading in steps that end at these limits
    /// decodes no piece twice.
    func decodedRows(for rows: Range<Int>) -> Range<Int>

    /// What planning has to know.
    var facts: PieceFacts { get }

    /// Bytes that `encoded` has whatever the rows are: tables, palettes.
    var tableByteCount: Int { get }

    /// The parts of the file that are needed to decode the rows, and nothing else: in ascending order, apart from each other.
    func byteRanges(for rows: Range<Int>) -> [Range<UInt64>]

    /// The layout with the pieces of these rows only.
    func limited(to rows: Range<Int>) -> Self

    /// Whether the layout has all pieces of the rows.
    func holds(_ rows: Range<Int>) -> Bool

    /// A form that can be sent.
    var encoded: [UInt8] { get }

    /// Reads that form, which may come from anybody.
    ///
    /// - Throws: `CodecError` (corrupt).
    init(encoded: [UInt8]) throws(CodecError)
}

extension PieceLayout {
    /// Gaps between ranges that are fetched with them: a request costs more.
    private static var smallestGap: UInt64 { 4_096 }

    /// The pieces of some rows, of a file in the format of that name.
    public func chunkPieces(for rows: Range<Int>, format: String) -> ChunkPieces {
        var ranges: [Range<UInt64>] = []
        for range in byteRanges(for: rows) {
            if let last = ranges.last, range.lowerBound - last.upperBound < Self.smallestGap {
                ranges[ranges.count - 1] = last.lowerBound..<range.upperBound
            } else {
                ranges.append(range)
            }
        }
        return ChunkPieces(format: format, ranges: ranges, layout: limited(to: rows).encoded)
    }

    /// Whether the chunks of the plan should read the file by its pieces.
    ///
    /// Pieces at the edge of a chunk are decoded for its neighbour, too. Without a decode step, all workers decode side by side,
    /// no rows are stored at the master, and no worker needs room for the file: so up to four times the work is worth it, and
    /// more for files that hardly any worker has room for.
    ///
    /// - Parameter fileByteCount: the size of the whole file, in which the image may be a small part.
    public func isWorthReading(_ plan: ProcessingPlan, fileByteCount: UInt64) -> Bool {
        let facts = facts
        let rowsPerBand = Int(facts.rowsPerBand)
        // Plain samples may take more room than pixels: one of four samples is left out.
        let bandByteCount = UInt64(rowsPerBand) * UInt64(shape.bytesPerRow)
        guard facts.largestBandByteCount <= 2 * bandByteCount + 65_536, tableByteCount <= 4_096 else { return false }
        if plan.isSingleTask {
            return fileByteCount > ChunkPieces.largeFileByteCount && fileByteCount / 4 > UInt64(shape.byteCount)
        }
        let stage = plan.stages[0]
        let rows = stage.inputRows(forChunk: stage.chunks.count / 2).count
        let share = max(1, shape.height / stage.chunks.count)
        let maximumFactor = fileByteCount > ChunkPieces.hugeFileByteCount ? 64 : 4
        return (rows + rowsPerBand) / maximumFactor <= share
    }
}

extension ChunkPieces {
    /// Files of a small image that are not fetched as a whole.
    fileprivate static let largeFileByteCount: UInt64 = 64 << 20
    /// Files that hardly any worker has room for.
    fileprivate static let hugeFileByteCount: UInt64 = 1 << 30
}
