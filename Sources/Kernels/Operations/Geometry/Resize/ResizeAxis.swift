/// How the pixels of one axis are spread over another number of them: arithmetic only, as OpenCV's `resize` does it.
struct ResizeAxis: Hashable, Sendable {
    let inputCount: Int
    let outputCount: Int
    /// Output pixels for each input pixel.
    let magnification: Double

    /// Input pixels for each output pixel.
    var step: Double { 1 / magnification }

    /// The factor by which the axis shrinks, if that is a whole number.
    var wholeStep: Int? {
        let nearest = step.rounded(.toNearestOrEven)
        return abs(step - nearest) < .ulpOfOne ? Int(nearest) : nil
    }

    /// The input pixel that stands for the output pixel `index` when nothing is interpolated.
    func nearest(_ index: Int) -> Int { min(Int((Double(index) * step).rounded(.down)), inputCount - 1) }

    /// The input pixel at or before the centre of the output pixel `index`, -1 before the first, and how far the centre
    /// is beyond it, from 0 to 1.
    func centre(_ index: Int) -> (pixel: Int, beyond: Float) {
        // Single precision as there: it decides the last bit of the weights.
        let position = Float((Double(index) + 0.5) * step - 0.5)
        let pixel = position.rounded(.down)
        return (min(max(Int(pixel), -1), inputCount - 1), position - pixel)
    }

    /// The input pixel in which the output pixel `index` begins, and the weight of the next one: what `INTER_AREA` does
    /// when it enlarges.
    func start(_ index: Int) -> (pixel: Int, beyond: Float) {
        let pixel = (Double(index) * step).rounded(.down)
        let beyond = Float(Double(index + 1) - (pixel + 1) * magnification)
        return (min(Int(pixel), inputCount - 1), beyond <= 0 ? 0 : beyond - beyond.rounded(.down))
    }

    /// The input pixels that the output pixel `index` covers, and the share of each in it.
    func cover(_ index: Int) -> (pixels: Range<Int>, shares: [Float]) {
        let start = Double(index) * step
        let end = start + step
        let width = min(step, Double(inputCount) - start)
        let last = min(Int(end.rounded(.down)), inputCount - 1)
        let first = min(Int(start.rounded(.up)), last)
        var shares = Array(repeating: Float(1 / width), count: last - first)
        // Slivers below a thousandth of a pixel do not count.
        let hasStart = Double(first) - start > 1e-3
        let hasEnd = end - Double(last) > 1e-3
        if hasStart { shares.insert(Float((Double(first) - start) / width), at: 0) }
        if hasEnd { shares.append(Float(min(min(end - Double(last), 1), width) / width)) }
        return ((hasStart ? first - 1 : first)..<(hasEnd ? last + 1 : last), shares)
    }
}

/// The weights of the input pixels around an output pixel's centre.
enum InterpolationWeights {
    /// Two neighbours, by distance.
    @inline(__always)
    static func linear(_ beyond: Float, _ store: (Int, Float) -> Void) {
        store(0, 1 - beyond)
        store(1, beyond)
    }

    /// Four neighbours, by Keys' cubic with A = -0.75.
    ///
    /// Source: R. Keys, Cubic convolution interpolation for digital image processing (1981).
    @inline(__always)
    static func cubic(_ beyond: Float, _ store: (Int, Float) -> Void) {
        let a: Float = -0.75
        let next = beyond + 1
        let rest = 1 - beyond
        let first = ((a * next - 5 * a) * next + 8 * a) * next - 4 * a
        let second = ((a + 2) * beyond - (a + 3)) * beyond * beyond + 1
        let third = ((a + 2) * rest - (a + 3)) * rest * rest + 1
        store(0, first)
        store(1, second)
        store(2, third)
        store(3, 1 - first - second - third)
    }

    /// Eight neighbours, by a sinc windowed by a wider one, made to sum to 1.
    @inline(__always)
    static func lanczos(_ beyond: Float, _ store: (Int, Float) -> Void) {
        let (cosine, sine) = direction(degrees: -45 * (Double(beyond) + 3))
        func weight(_ tap: Int) -> Float {
            let distance = beyond + Float(3 - tap)
            // At the pixel itself: so much more than the others that nothing else is left when all are divided by the sum.
            if abs(distance) < 1e-6 { return 1e30 }
            // The sine of an angle that is 45 degrees further for each tap back, and alternates.
            let turn = turns[tap]
            let angle = Double(distance) * Double.pi / 4
            return Float((turn.cosine * sine + turn.sine * cosine) / (angle * angle))
        }
        var sum: Float = 0
        for tap in 0..<8 { sum += weight(tap) }
        let scale = 1 / sum
        for tap in 0..<8 { store(tap, weight(tap) * scale) }
    }

    private static let turns = (0..<8).map { direction(degrees: Double($0) * 225) }
}
