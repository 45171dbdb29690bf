/// The strength of the steepest change of level, by Prewitt's derivatives.
public struct Prewitt: Operation {
    public static let description = OperationDescription(
        "prewitt", family: .edges,
        keywords: "gradient edge-detection edges edge derivative",
        examples: ["prewitt", "gaussian-blur | prewitt direction=y"],
        summary: "Gradient (Prewitt, weights 1 1 1), per channel",
        parameters: [GradientDirection.parameter],
        border: .reflect101,
        matches:
            "cv2.sepFilter2D with -1 0 1 and 1 1 1 in double precision, then the absolute value, or cv2.magnitude of "
            + "both; rounded, saturated")

    private let direction: GradientDirection

    public init(arguments: OperationArguments) { direction = arguments.choice("direction") }

    public func computation(for input: ImageShape) -> OperationComputation {
        .rows([Gradient(taps: .prewitt, combination: direction.combination)])
    }
}
