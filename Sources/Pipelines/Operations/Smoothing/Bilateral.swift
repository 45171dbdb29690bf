/// Smooths but keeps edges: a mean weighted by distance in space and in colour.
public struct Bilateral: Operation {
    public static let description = OperationDescription(
        "bilateral", family: .smoothing,
        keywords:
            "bilateral-filter edge-preserving denoise noise-reduction surface-blur smart-blur selective-blur smooth-skin blur smooth",
        examples: ["bilateral diameter=9 sigma-color=40", "bilateral diameter=9 | posterize levels=6"],
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
    private let sigmaColor: Level
    private let sigmaSpace: Double

    public init(arguments: OperationArguments) {
        diameter = arguments.integer("diameter")
        sigmaColor = arguments.level("sigma-color")
        sigmaSpace = arguments.number("sigma-space")
    }

    public func computation(for input: ImageShape) -> OperationComputation {
        .rows([
            BilateralMean(
                radius: diameter / 2, sigmaColor: sigmaColor.at(input.format.depth), sigmaSpace: sigmaSpace)
        ])
    }
}

/// The mean of a round window, in which similar and near pixels count most.
package struct BilateralMean: WindowComputation {
    package let radius: Int
    package let sigmaColor: Double
    package let sigmaSpace: Double
}
