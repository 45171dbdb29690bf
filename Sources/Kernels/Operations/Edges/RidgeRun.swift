/// Consecutive pixels of a row that are on a ridge, and the component they belong to.
struct RidgeRun {
    private let first: Int32
    private let last: Int32
    let component: Int32

    /// The first pixel.
    var start: Int { Int(first) }
    /// One past the last pixel.
    var end: Int { Int(last) }

    init(start: Int, end: Int, component: Int32) {
        first = Int32(start)
        last = Int32(end)
        self.component = component
    }

    /// The runs of a row of a ridge map, each with component 0.
    static func runs(of row: UnsafePointer<UInt8>, width: Int) -> [RidgeRun] {
        var runs: [RidgeRun] = []
        var x = 0
        while x < width {
            let start = x
            while x < width && row[x] != Ridge.none { x += 1 }
            if x > start { runs.append(RidgeRun(start: start, end: x, component: 0)) }
            x += 1
        }
        return runs
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
