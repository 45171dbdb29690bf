/// Rows that are finished, as ranges that neither overlap nor touch, from top to bottom.
package struct FinishedRanges: Hashable, Sendable {
    package private(set) var ranges: [Range<Int>] = []

    package init(_ rows: some Sequence<Range<Int>> = []) { for range in rows { insert(range) } }

    package mutating func insert(_ rows: Range<Int>) {
        guard !rows.isEmpty else { return }
        // Ranges that end before the new one begins stay; those that it touches become one with it.
        let first = ranges.firstIndex { $0.upperBound >= rows.lowerBound } ?? ranges.count
        let end = ranges[first...].firstIndex { $0.lowerBound > rows.upperBound } ?? ranges.count
        var merged = rows
        if first < end {
            merged =
                min(rows.lowerBound, ranges[first].lowerBound)..<max(rows.upperBound, ranges[end - 1].upperBound)
        }
        ranges.replaceSubrange(first..<end, with: [merged])
    }

    package func contains(_ rows: Range<Int>) -> Bool {
        rows.isEmpty || ranges.contains { $0.lowerBound <= rows.lowerBound && rows.upperBound <= $0.upperBound }
    }

    /// The first row that is not finished.
    package var firstGap: Int {
        guard let first = ranges.first, first.lowerBound == 0 else { return 0 }
        return first.upperBound
    }
}
