/// The strength of the steepest change of level, by Scharr's derivatives.
public struct Scharr: Operation {
    public static let description = OperationDescription(
        "scharr", family: .edges,
        summary: "The steepness of the levels by Scharr's derivatives (3 10 3), each channel by itself",
        parameters: [GradientDirection.parameter],
        border: .reflect101,
        matches: "cv2.Scharr in double precision, then the absolute value, or cv2.magnitude of both; rounded, saturated"
    )

    private let direction: GradientDirection

    public init(arguments: OperationArguments) { direction = arguments.choice("direction") }

    public func outputShape(for input: ImageShape) -> ImageShape { input }

    public func kernel(for input: ImageShape) -> OperationKernel {
        .rows([
            DerivativeKernel(
                outputShape: input, primary: [-1, 0, 1], secondary: [3, 10, 3], combination: direction.combination)
        ])
    }
}
