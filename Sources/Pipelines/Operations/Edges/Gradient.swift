/// Derives along both axes and combines the two to one value per sample.
package struct Gradient: WindowComputation {
    /// The weights of the derivatives.
    package enum Taps: Hashable, Sendable {
        /// First derivatives of Sobel's window; 1 is the smallest window that derives.
        case sobel(size: Int)
        /// Second derivatives of Sobel's window.
        case secondSobel(size: Int)
        case scharr
        case prewitt
    }

    package enum Combination: Hashable, Sendable {
        case absoluteX, absoluteY
        /// sqrt(x^2 + y^2), rounded.
        case length
        /// |x + y|
        case absoluteSum
        /// Half the range, and the slope towards a light from this angle, times the strength.
        case relief(degrees: Double, strength: Double)
    }

    package let taps: Taps
    package let combination: Combination
    /// What an absolute derivative, or a length, is multiplied by before it is rounded.
    package let scale: Double

    init(taps: Taps, combination: Combination, scale: Double = 1) {
        (self.taps, self.combination, self.scale) = (taps, combination, scale)
    }

    package var radius: Int {
        switch taps {
        case .sobel(let size), .secondSobel(let size): max(size, 3) / 2
        case .scharr, .prewitt: 1
        }
    }
}
