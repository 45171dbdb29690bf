/// The strength of the steepest change of level, by Sobel's derivatives.
public struct Sobel: Operation {
    public static let description = OperationDescription(
        "sobel", family: .edges,
        keywords:
            "gradient-magnitude edge-detection edges edge gradient derivative find-edges find-edge-strength outline",
        examples: ["sobel", "grayscale | sobel size=5 scale=0.1"], summary: "Gradient (Sobel), per channel",
        parameters: [
            ParameterDescription(
                "size", "the side of the window", .oddInteger(1...7), default: .integer(3), unit: "pixels"),
            GradientDirection.parameter,
            GradientDirection.scale(default: 1, "windows of 5 and 7 need about 0.06 and 0.004"),
            Padding.parameter,
        ],
        border: .reflect101,
        matches:
            "cv2.Sobel in double precision, with that scale, then the absolute value, or cv2.magnitude of both; rounded, saturated"
    )

    private let size: Int
    private let direction: GradientDirection
    private let scale: Double
    private let border: Padding

    public init(arguments: OperationArguments) {
        size = arguments.integer("size")
        direction = arguments.choice("direction")
        scale = arguments.number("scale")
        border = arguments.choice("border")
    }

    public func computation(for input: ImageShape) -> OperationComputation {
        .rows([border.applied(to: Gradient(taps: .sobel(size: size), combination: direction.combination, scale: scale))]
        )
    }
}
