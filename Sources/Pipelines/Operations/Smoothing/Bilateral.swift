/// Smooths but keeps edges: a mean weighted by distance in space and in colour.
public struct Bilateral: Operation {
    public static let description = OperationDescription(
        "bilateral", family: .smoothing,
        summary: "Smooths but keeps edges: the mean of a round window, in which similar and near pixels count most",
        parameters: [
            ParameterDescription(
                "diameter", "the diameter of the window", .oddInteger(3...51), default: .integer(5), unit: "pixels"),
            ParameterDescription(
                "sigma-color", "the standard deviation of the Gaussian of the difference in colour",
                .number(0.1...1_000_000), default: .number(50), unit: "levels", isLevel: true),
            ParameterDescription(
                "sigma-space", "the standard deviation of the Gaussian of the distance", .number(0.1...1_000_000),
                default: .number(50), unit: "pixels"),
        ],
        border: .reflect101,
        matches:
            "cv2.bilateralFilter at 8 bits, but for at most 1 level on at most 0.1 % of the samples, where single precision "
            + "decides a near tie; for gray and diameters up to 5 with cv2.setUseOptimized(False), since Intel's IPP, which "
            + "OpenCV then uses, rounds down. The same definition in double precision at 16 bits, where OpenCV has none. The "
            + "difference of two colours is |dr| + |dg| + |db|; alpha passes through and does not weigh")

    private let diameter: Int
    private let sigmaColour: Level
    private let sigmaSpace: Double

    public init(arguments: OperationArguments) {
        diameter = arguments.integer("diameter")
        sigmaColour = arguments.level("sigma-color")
        sigmaSpace = arguments.number("sigma-space")
    }

    public func outputShape(for input: ImageShape) -> ImageShape { input }

    public func kernel(for input: ImageShape) -> OperationKernel {
        let window = BilateralWindow(
            radius: diameter / 2, sigmaColour: sigmaColour.at(input.format.depth), sigmaSpace: sigmaSpace)
        return .rows([BilateralKernel(outputShape: input, window: window)])
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
    private let colourFactor: Double

    init(radius: Int, sigmaColour: Double, sigmaSpace: Double) {
        self.radius = radius
        colourFactor = -0.5 / (sigmaColour * sigmaColour)
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
        exponential(Double(difference * difference) * colourFactor)
    }
}
