/// The strength of the steepest change of level, by Scharr's derivatives.
public struct Scharr: Operation {
    public static let description = OperationDescription(
        "scharr", family: .edges,
        keywords: "gradient-magnitude edge-detection edges edge gradient derivative",
        examples: ["scharr", "grayscale | scharr direction=x scale=0.5"],
        summary: "Gradient (Scharr, weights 3 10 3), per channel",
        parameters: [
            GradientDirection.parameter,
            GradientDirection.scale(default: 0.25, "0.25 makes it as strong as `sobel`, 1 is cv2.Scharr's own"),
            Padding.parameter,
        ],
        border: .reflect101,
        matches:
            "cv2.Scharr in double precision, with that scale, then the absolute value, or cv2.magnitude of both; rounded, saturated"
    )

    private let direction: GradientDirection
    private let scale: Double
    private let border: Padding

    public init(arguments: OperationArguments) {
        direction = arguments.choice("direction")
        scale = arguments.number("scale")
        border = arguments.choice("border")
    }

    public func computation(for input: ImageShape) -> OperationComputation {
        .rows([border.applied(to: Gradient(taps: .scharr, combination: direction.combination, scale: scale))])
    }
}
