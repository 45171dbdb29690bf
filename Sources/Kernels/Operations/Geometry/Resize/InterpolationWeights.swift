import Pipelines

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
