/// Raises every level, as a fraction of the largest, to a power.
public struct Gamma: Operation {
    public static let description = OperationDescription(
        "gamma", family: .color,
        summary:
            "Raises every level, as a fraction of the largest, to the power gamma: above 1 darkens, below brightens",
        parameters: [ParameterDescription("gamma", "the exponent", .number(0.01...100), default: .number(1))],
        matches: "cv2.LUT with the table round((i / 255) ** gamma * 255) of OpenCV's tutorial on gamma correction")

    private let gamma: Double

    public init(arguments: OperationArguments) { gamma = arguments.number("gamma") }

    public func computation(for input: ImageShape) -> OperationComputation { .rows([PowerMap(exponent: gamma)]) }
}

/// Raises every sample value, as a fraction of the largest, to a power.
package struct PowerMap: PointComputation {
    package let exponent: Double
}
