/// The strength of the steepest change of level, by Sobel's derivatives.
public struct Sobel: Operation {
    public static let description = OperationDescription(
        "sobel", family: .edges, summary: "Gradient (Sobel), per channel",
        parameters: [
            ParameterDescription(
                "size", "the side of the window", .oddInteger(1...7), default: .integer(3), unit: "pixels"),
            GradientDirection.parameter,
            Padding.parameter,
        ],
        border: .reflect101,
        matches: "cv2.Sobel in double precision, then the absolute value, or cv2.magnitude of both; rounded, saturated")

    private let size: Int
    private let direction: GradientDirection
    private let border: Padding

    public init(arguments: OperationArguments) {
        size = arguments.integer("size")
        direction = arguments.choice("direction")
        border = arguments.choice("border")
    }

    public func computation(for input: ImageShape) -> OperationComputation {
        .rows([border.applied(to: Gradient(taps: .sobel(size: size), combination: direction.combination))])
    }
}
