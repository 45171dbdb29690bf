/// The neighbours of a place, and what is made of them, in the order of operations in which OpenCV 5 computes it.
protocol WarpTaps {
    static var count: Int { get }
    static var weightCount: Int { get }
    /// From the pixel that the place is in, row by row.
    static func offset(_ tap: Int) -> (x: Int, y: Int)
    /// Gives the weights of a place that is `right` and `down` beyond its pixel, each with its number.
    static func weigh(_ right: Float, _ down: Float, _ store: (Int, Float) -> Void)
    /// The level between the neighbours.
    static func interpolated(weight: (Int) -> Float, tap: (Int) -> Float) -> Float
}

enum LinearTaps: WarpTaps {
    static var count: Int { 4 }
    static var weightCount: Int { 2 }

    @inline(__always)
    static func offset(_ tap: Int) -> (x: Int, y: Int) { (tap & 1, tap >> 1) }

    @inline(__always)
    static func weigh(_ right: Float, _ down: Float, _ store: (Int, Float) -> Void) {
        store(0, right)
        store(1, down)
    }

    @inline(__always)
    static func interpolated(weight: (Int) -> Float, tap: (Int) -> Float) -> Float {
        let (first, third) = (tap(0), tap(2))
        let upper = fused(weight(0), tap(1) - first, first)
        let lower = fused(weight(0), tap(3) - third, third)
        return fused(weight(1), lower - upper, upper)
    }
}

/// Weights of the columns, then of the rows.
enum CubicTaps: WarpTaps {
    static var count: Int { 16 }
    static var weightCount: Int { 8 }

    @inline(__always)
    static func offset(_ tap: Int) -> (x: Int, y: Int) { ((tap & 3) - 1, (tap >> 2) - 1) }

    @inline(__always)
    static func weigh(_ right: Float, _ down: Float, _ store: (Int, Float) -> Void) {
        let (across, along) = (cubicWeights(right), cubicWeights(down))
        store(0, across.0)
        store(1, across.1)
        store(2, across.2)
        store(3, across.3)
        store(4, along.0)
        store(5, along.1)
        store(6, along.2)
        store(7, along.3)
    }

    @inline(__always)
    static func interpolated(weight: (Int) -> Float, tap: (Int) -> Float) -> Float {
        @inline(__always) func row(_ row: Int) -> Float { weighed(level: { tap(4 * row + $0) }, weight: weight) }
        return weighed(level: row, weight: { weight(4 + $0) })
    }

    /// The sum of four levels with their weights.
    @inline(__always)
    static func weighed(level: (Int) -> Float, weight: (Int) -> Float) -> Float {
        let two = fused(weight(1), level(1), weight(0) * level(0))
        return fused(weight(3), level(3), fused(weight(2), level(2), two))
    }
}

/// The weights of four neighbours of a place `x` beyond the second of them: Keys' cubic with -0.75, in the order of operations
/// in which OpenCV 5 computes it.
@inline(__always)
func cubicWeights(_ x: Float) -> (Float, Float, Float, Float) {
    let rest = 1 - x
    let first = -0.75 * (rest * rest * x)
    let fourth = -0.75 * (x * x * rest)
    let second = fused(fused(1.25, x, -2.25), x * x, 1)
    return (first, second, 1 - first - second - fourth, fourth)
}
