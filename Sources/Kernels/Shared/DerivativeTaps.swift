import Pipelines

/// The weights of a derivative filter along one axis, as OpenCV's `getDerivKernels` makes them.
enum DerivativeTaps {
    /// - Parameters:
    ///   - order: how often it derives; 0 smooths.
    ///   - size: the side of the window; 1 gives the smallest window that the order allows.
    static func taps(order: Int, size: Int) -> [Int32] {
        if size == 1 && order == 0 { return [0, 1, 0] }
        var taps: [Int32] = [1]
        for step in 0..<max(size, 3) - 1 {
            let (first, second): (Int32, Int32) = step < order ? (-1, 1) : (1, 1)
            taps = zip(taps + [0], [0] + taps).map { $0 * first + $1 * second }
        }
        return taps
    }
}

/// Sums of rows, then of columns, of a window that moves down an image: two separable filters at once.
///
/// For a derivative, filter `x` smooths the columns and derives along the rows, filter `y` the reverse. Owns memory: call
/// `deallocate()`.
struct SeparablePair<Sample: FixedWidthInteger & UnsignedInteger, Value: FixedWidthInteger & SignedInteger> {
    private var ring: RowRing<Sample>
    private let across: (x: [Value], y: [Value])
    private let down: (x: [Value], y: [Value])
    private let channels: Int
    private let count: Int
    private let columns: (x: UnsafeMutablePointer<Value>, y: UnsafeMutablePointer<Value>)

    /// - Parameters:
    ///   - primary: the weights along the rows of filter `x`, and along the columns of filter `y`.
    ///   - secondary: the weights along the columns of filter `x`, and along the rows of filter `y`; as many.
    init(_ input: RowsView, primary: [Int32], secondary: [Int32], border: RowBorder, first: Int) {
        ring = RowRing(input, radius: primary.count / 2, border: border, first: first)
        let (primary, secondary) = (primary.map { Value($0) }, secondary.map { Value($0) })
        across = (primary, secondary)
        down = (secondary, primary)
        channels = input.shape.format.channelCount
        count = input.shape.samplesPerRow
        columns = (.allocate(capacity: ring.stride), .allocate(capacity: ring.stride))
    }

    func deallocate() {
        ring.deallocate()
        columns.x.deallocate()
        columns.y.deallocate()
    }

    /// Both filters' sums around each sample of row `y`: the first row, then one further each time.
    mutating func compute(_ y: Int, x sumsX: UnsafeMutablePointer<Value>, y sumsY: UnsafeMutablePointer<Value>) {
        ring.move(to: y)
        if across.x == [-1, 0, 1] && down.x.count == 3 && down.x[0] == down.x[2] {
            let rows = (ring.padded(-1), ring.padded(0), ring.padded(1))
            return differences3(
                rows, side: down.x[0], center: down.x[1], columns, ring.stride, sumsX, sumsY, count, channels)
        }
        let radius = ring.radius
        for (offset, taps) in zip(-radius...radius, zip(down.x, down.y)) {
            addWeighted(ring.padded(offset), taps.0, to: columns.x, ring.stride, isFirst: offset == -radius)
            addWeighted(ring.padded(offset), taps.1, to: columns.y, ring.stride, isFirst: offset == -radius)
        }
        for (offset, taps) in zip(0...2 * radius, zip(across.x, across.y)) {
            addWeighted(columns.x + offset * channels, taps.0, to: sumsX, count, isFirst: offset == 0)
            addWeighted(columns.y + offset * channels, taps.1, to: sumsY, count, isFirst: offset == 0)
        }
    }
}

/// Both derivatives in a window of side 3: differences over two pixels, smoothed by the weights `side`, `center`, `side`.
@_specialize(where Sample == UInt8, Value == Int16)
@_specialize(where Sample == UInt16, Value == Int32)
private func differences3<Sample: FixedWidthInteger, Value: FixedWidthInteger>(
    _ rows: (UnsafePointer<Sample>, UnsafePointer<Sample>, UnsafePointer<Sample>), side: Value, center: Value,
    _ columns: (x: UnsafeMutablePointer<Value>, y: UnsafeMutablePointer<Value>), _ stride: Int,
    _ sumsX: UnsafeMutablePointer<Value>, _ sumsY: UnsafeMutablePointer<Value>, _ count: Int, _ channels: Int
) {
    let (above, middle, below) = rows
    for i in 0..<stride {
        let (first, last) = (Value(truncatingIfNeeded: above[i]), Value(truncatingIfNeeded: below[i]))
        columns.x[i] = (first &+ last) &* side &+ Value(truncatingIfNeeded: middle[i]) &* center
        columns.y[i] = last &- first
    }
    let (x0, x2) = (columns.x, columns.x + 2 * channels)
    let (y0, y1, y2) = (columns.y, columns.y + channels, columns.y + 2 * channels)
    for i in 0..<count {
        sumsX[i] = x2[i] &- x0[i]
        sumsY[i] = (y0[i] &+ y2[i]) &* side &+ y1[i] &* center
    }
}

@_specialize(where Source == UInt8, Value == Int16)
@_specialize(where Source == UInt8, Value == Int32)
@_specialize(where Source == UInt16, Value == Int32)
@_specialize(where Source == Int16, Value == Int16)
@_specialize(where Source == Int32, Value == Int32)
private func addWeighted<Source: FixedWidthInteger, Value: FixedWidthInteger>(
    _ row: UnsafePointer<Source>, _ tap: Value, to sums: UnsafeMutablePointer<Value>, _ count: Int, isFirst: Bool
) {
    switch (isFirst, tap) {
    case (true, _): for i in 0..<count { sums[i] = Value(truncatingIfNeeded: row[i]) &* tap }
    case (false, 0): break
    case (false, 1): for i in 0..<count { sums[i] &+= Value(truncatingIfNeeded: row[i]) }
    case (false, -1): for i in 0..<count { sums[i] &-= Value(truncatingIfNeeded: row[i]) }
    case (false, 2): for i in 0..<count { sums[i] &+= Value(truncatingIfNeeded: row[i]) &<< 1 }
    default: for i in 0..<count { sums[i] &+= Value(truncatingIfNeeded: row[i]) &* tap }
    }
}

private func addWeighted<Value: FixedWidthInteger>(
    _ row: UnsafeMutablePointer<Value>, _ tap: Value, to sums: UnsafeMutablePointer<Value>, _ count: Int, isFirst: Bool
) {
    addWeighted(UnsafePointer(row), tap, to: sums, count, isFirst: isFirst)
}
