/// Rows cut into parts of equal size, the last one perhaps smaller. Arithmetic only: a million parts cost nothing.
public struct RowPartition: Hashable, Sendable {
    public let rowCount: Int
    public let rowsPerPart: Int

    /// - Parameters:
    ///   - rowCount: at least 1.
    ///   - rowsPerPart: at least 1; more than there are rows makes one part.
    public init(rowCount: Int, rowsPerPart: Int) {
        precondition(rowCount > 0 && rowsPerPart > 0, "\(rowCount) rows in parts of \(rowsPerPart)")
        self.rowCount = rowCount
        self.rowsPerPart = min(rowsPerPart, rowCount)
    }

    public var count: Int { (rowCount - 1) / rowsPerPart + 1 }

    /// The rows of part `index`.
    public subscript(_ index: Int) -> Range<Int> {
        precondition(index >= 0 && index < count, "part \(index) of \(count)")
        return index * rowsPerPart..<min((index + 1) * rowsPerPart, rowCount)
    }

    /// The parts that have any of `rows`.
    public func indices(overlapping rows: Range<Int>) -> Range<Int> {
        let rows = rows.clamped(to: 0..<rowCount)
        guard !rows.isEmpty else { return 0..<0 }
        return rows.lowerBound / rowsPerPart..<(rows.upperBound - 1) / rowsPerPart + 1
    }
}

/// The grid of rows on which output files are compressed: the rows of one grid cell make one segment.
///
/// It depends on the output's shape alone, so that a file is byte-identical for every chunk size and number of ranks.
public enum SegmentGrid {
    /// Raw bytes of a segment, unless a single row has more.
    public static let byteCount = 262_144

    /// Rows in a segment.
    public static func rowsPerSegment(bytesPerRow: Int) -> Int { max(1, byteCount / bytesPerRow) }

    /// The segments of an output of shape `shape`.
    public static func segments(of shape: ImageShape) -> RowPartition {
        RowPartition(rowCount: shape.height, rowsPerPart: rowsPerSegment(bytesPerRow: shape.bytesPerRow))
    }
}
