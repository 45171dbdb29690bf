/// Raises every level, as a fraction of the largest, to a power.
public struct Gamma: Operation {
    public static let description = OperationDescription(
        "gamma", family: .color,
        keywords: "gamma-correction adjust-gamma brighten midtones power-law exposure lighten darken",
        examples: ["gamma gamma=1.8", "gamma gamma=0.7 | saturation scale=1.2"],
        summary:
            "Raises every level, as a fraction of the largest, to the power 1 / gamma: above 1 brightens, below darkens",
        parameters: [
            ParameterDescription(
                "gamma", "above 1 brightens, below 1 darkens, 1 changes nothing; black and white stay as they are",
                .number(0.01...100), default: .number(1))
        ],
        asksFor: ["gamma"],
        matches: "cv2.LUT with the table round((i / 255) ** (1 / gamma) * 255), in double precision, ties to even; "
            + "ImageMagick's -gamma, and `levels gamma`, go the same way")

    private let gamma: Double

    public init(arguments: OperationArguments) { gamma = arguments.number("gamma") }

    public func computation(for input: ImageShape) -> OperationComputation { .rows([PowerMap(exponent: 1 / gamma)]) }
}

/// Raises every sample value, as a fraction of the largest, to a power.
package struct PowerMap: PointComputation {
    package let exponent: Double
}
