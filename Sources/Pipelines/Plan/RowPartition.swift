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
