import Pipelines

extension BilateralMean: RowKernelProviding {
    func kernel(for step: RowStep) -> any RowKernel {
        let window = BilateralWindow(radius: radius, sigmaColor: sigmaColor, sigmaSpace: sigmaSpace)
        return BilateralKernel(outputShape: step.output, window: window)
    }
}

/// What a neighbour weighs: `exp(-distance^2 / (2 sigma^2))`, once for the place and once for the colour.
struct BilateralWindow: Sendable {
    /// A pixel of the window, seen from its centre.
    struct Tap: Sendable {
        let dx: Int
        let dy: Int
        let weight: Double

        /// Whether it is further down than the centre, or to the right in the same row.
        var isLater: Bool { dy > 0 || dy == 0 && dx > 0 }
    }

    let radius: Int
    /// The pixels at most `radius` from the centre, row by row.
    let taps: [Tap]
    private let colorFactor: Double

    init(radius: Int, sigmaColor: Double, sigmaSpace: Double) {
        self.radius = radius
        colorFactor = -0.5 / (sigmaColor * sigmaColor)
        let spaceFactor = -0.5 / (sigmaSpace * sigmaSpace)
        taps = (-radius...radius).flatMap { dy in
            (-radius...radius).compactMap { dx in
                let square = dx * dx + dy * dy
                guard square <= radius * radius else { return nil }
                return Tap(dx: dx, dy: dy, weight: exponential(Double(square) * spaceFactor))
            }
        }
    }

    /// The weight of colours that differ by `difference` levels.
    func weight(ofDifference difference: Int) -> Double {
        exponential(Double(difference * difference) * colorFactor)
    }
}
