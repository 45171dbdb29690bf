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
        let raw = UnsafeRawPointer(row)
        let ones: UInt64 = 0x0101_0101_0101_0101
        /// Eight pixels from `x` on, the first in the lowest byte; pixels beyond the row are empty.
        func pixels(_ x: Int) -> UInt64 {
            if x + 8 <= width { return UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: x, as: UInt64.self)) }
            return (x..<width).reversed().reduce(0) { $0 << 8 | UInt64(row[$1]) }
        }
        var x = 0
        while x < width {
            let next = pixels(x)
            guard next != 0 else {
                x += 8
                continue
            }
            x += next.trailingZeroBitCount >> 3
            let start = x
            var all: UInt64 = 0
            while true {
                let next = pixels(x)
                // A bit for each empty pixel, at the place of its lowest bit.
                let empty = ~(next | next >> 1) & ones
                if empty == 0 {
                    all |= next
                    x += 8
                } else {
                    let end = empty.trailingZeroBitCount
                    all |= next & (1 << UInt64(end) &- 1)
                    x += end >> 3
                    break
                }
            }
            let isStrong = all & (ones &* UInt64(Ridge.strong)) != 0
            runs.append(RidgeRun(start: start, end: x, component: sets.append(isMarked: isStrong)))
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
