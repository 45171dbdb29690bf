/// Consecutive pixels of a row that are on a ridge, and the component they belong to.
struct RidgeRun {
    /// The first pixel.
    let start: Int
    /// One past the last pixel.
    let end: Int
    let component: Int32
}

/// The 8-connected components of the ridges in some rows; a component with a strong pixel is marked.
struct RidgeComponents {
    var sets = UnionFind()
    /// The runs of all rows, top to bottom.
    private(set) var runs: [RidgeRun] = []
    /// Where each row's runs begin in `runs`, and where the last row's end.
    private(set) var rowStarts: [Int] = [0]

    init(_ map: Band) {
        let width = map.shape.width
        for y in map.rows {
            let above = rowStarts.count > 1 ? rowStarts[rowStarts.count - 2]..<runs.count : 0..<0
            append(map.row(y, as: UInt8.self), width)
            joinRuns(runs[above], runs[above.upperBound...], in: &sets)
            rowStarts.append(runs.count)
        }
    }

    var topRow: ArraySlice<RidgeRun> { row(0) }
    var bottomRow: ArraySlice<RidgeRun> { row(rowStarts.count - 2) }
    func row(_ index: Int) -> ArraySlice<RidgeRun> { runs[rowStarts[index]..<rowStarts[index + 1]] }

    mutating func mark(_ component: Int32) { sets.mark(component) }
    mutating func isMarked(_ component: Int32) -> Bool { sets.isMarked(component) }
    mutating func find(_ component: Int32) -> Int32 { sets.find(component) }

    private mutating func append(_ row: UnsafePointer<UInt8>, _ width: Int) {
        var x = 0
        let raw = UnsafeRawPointer(row)
        while x < width {
            // Most of a map is empty: eight pixels at a time.
            while x + 8 <= width && raw.loadUnaligned(fromByteOffset: x, as: UInt64.self) == 0 { x += 8 }
            while x < width && row[x] == Ridge.none { x += 1 }
            guard x < width else { break }
            let start = x
            var all: UInt8 = 0
            while x < width && row[x] != Ridge.none {
                all |= row[x]
                x += 1
            }
            runs.append(RidgeRun(start: start, end: x, component: sets.append(isMarked: all & Ridge.strong != 0)))
        }
    }
}

/// Joins the components of runs in neighbouring rows that touch, be it by a corner. Both are in order from the left.
func joinRuns(_ upper: ArraySlice<RidgeRun>, _ lower: ArraySlice<RidgeRun>, in sets: inout UnionFind) {
    var (i, j) = (upper.startIndex, lower.startIndex)
    while i < upper.endIndex && j < lower.endIndex {
        if upper[i].start <= lower[j].end && lower[j].start <= upper[i].end {
            sets.join(upper[i].component, lower[j].component)
        }
        if upper[i].end < lower[j].end { i += 1 } else { j += 1 }
    }
}
