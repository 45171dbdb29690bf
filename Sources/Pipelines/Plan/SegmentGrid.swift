/// The grid of rows on which output files are encoded: the rows of one grid cell make one segment.
///
/// It depends on the output format and the output's shape alone, so that a file is byte-identical for every chunk size and
/// number of ranks.
public struct SegmentGrid: Hashable, Sendable {
    /// Raw bytes of a segment, unless its least rows have more.
    public let byteCount: Int
    /// A segment has a multiple of this many rows: some formats encode blocks of rows.
    public let rowsPerBlock: Int

    /// The grid of formats that encode row by row.
    public static let standard = SegmentGrid(byteCount: 262_144)

    public init(byteCount: Int, rowsPerBlock: Int = 1) {
        precondition(
            byteCount > 0 && rowsPerBlock > 0, "segments of \(byteCount) bytes in blocks of \(rowsPerBlock) rows")
        self.byteCount = byteCount
        self.rowsPerBlock = rowsPerBlock
    }

    /// Rows in a segment of an output of shape `shape`; the last segment may have fewer.
    public func rowsPerSegment(of shape: ImageShape) -> Int {
        let rows = max(1, byteCount / shape.bytesPerRow)
        return max(rowsPerBlock, rows - rows % rowsPerBlock)
    }

    /// The segments of an output of shape `shape`.
    public func segments(of shape: ImageShape) -> RowPartition {
        RowPartition(rowCount: shape.height, rowsPerPart: rowsPerSegment(of: shape))
    }
}
