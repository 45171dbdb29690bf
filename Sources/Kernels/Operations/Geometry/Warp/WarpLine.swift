import Pipelines

/// The places in the picture of the pixels of one output row, in single precision as OpenCV computes them.
struct WarpLine {
    private let columnStep: Float
    private let rowStep: Float
    private let columnStart: Float
    private let rowStart: Float

    init(_ map: AffineMap, row y: Int) {
        func start(_ line: AffineMap.Line) -> Float { Float(y) * Float(line.y) + Float(line.constant) }
        columnStep = Float(map.column.x)
        rowStep = Float(map.row.x)
        columnStart = start(map.column)
        rowStart = start(map.row)
    }

    @inline(__always) func column(_ x: Int32) -> Float { fused(columnStep, Float(x), columnStart) }
    @inline(__always) func row(_ x: Int32) -> Float { fused(rowStep, Float(x), rowStart) }

    /// The pixels of the row, of `width`, whose place has its pixel among these columns and rows of the picture.
    ///
    /// Places move one way along the row, and rounding keeps their order: each side is found by bisection.
    func pixels(of width: Int, columns: Range<Int>, rows: Range<Int>) -> Range<Int> {
        let one = Self.pixels(of: width, within: columns, isRising: columnStep >= 0) { column($0) }
        let other = Self.pixels(of: width, within: rows, isRising: rowStep >= 0) { row($0) }
        let start = max(one.lowerBound, other.lowerBound)
        return start..<max(start, min(one.upperBound, other.upperBound))
    }

    private static func pixels(
        of width: Int, within wanted: Range<Int>, isRising: Bool, place: (Int32) -> Float
    ) -> Range<Int> {
        guard !wanted.isEmpty else { return 0..<0 }
        let (low, high) = (Float(wanted.lowerBound), Float(wanted.upperBound))
        func first(where isMet: (Float) -> Bool) -> Int {
            var (start, end) = (0, width)
            while start < end {
                let middle = (start + end) / 2
                if isMet(place(Int32(middle))) { end = middle } else { start = middle + 1 }
            }
            return start
        }
        let start = isRising ? first { $0 >= low } : first { $0 < high }
        let end = isRising ? first { $0 >= high } : first { $0 < low }
        return start..<max(start, end)
    }
}
