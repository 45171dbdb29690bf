/// The strength of the steepest change of level, by Scharr's derivatives.
public struct Scharr: Operation {
    public static let description = OperationDescription(
        "scharr", family: .edges,
        summary: "Gradient (Scharr, weights 3 10 3), per channel",
        parameters: [GradientDirection.parameter, Padding.parameter],
        border: .reflect101,
        matches: "cv2.Scharr in double precision, then the absolute value, or cv2.magnitude of both; rounded, saturated"
    )

    private let direction: GradientDirection
    private let border: Padding

    public init(arguments: OperationArguments) {
        direction = arguments.choice("direction")
        border = arguments.choice("border")
    }

    public func computation(for input: ImageShape) -> OperationComputation {
        .rows([border.applied(to: Gradient(taps: .scharr, combination: direction.combination))])
    }
}
