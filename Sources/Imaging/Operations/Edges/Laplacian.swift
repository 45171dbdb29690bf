/// The absolute value of the second derivatives' sum.
public struct Laplacian: Operation {
    public static let description = OperationDescription(
        "laplacian", family: .edges,
        summary: "The absolute sum of the second derivatives, saturated, each channel by itself",
        parameters: [
            ParameterDescription(
                "size", "the side of the window; 1 is the 3 x 3 window with four neighbours", .oddInteger(1...7),
                default: .integer(1), unit: "pixels")
        ],
        border: .reflect101,
        matches:
            "cv2.Laplacian, then the absolute value, exactly at 8 bits and up to size 5; at 16 bits and size 7 OpenCV "
            + "adds in single precision and may be 1 level off")

    private let size: Int

    public init(arguments: OperationArguments) { size = arguments.integer("size") }

    public func outputShape(for input: ImageShape) -> ImageShape { input }

    public func kernel(for input: ImageShape) -> OperationKernel {
        let taps: (primary: [Int32], secondary: [Int32]) =
            switch size {
            case 1: ([1, -2, 1], [0, 1, 0])
            // [1 -2 1] over [1 2 1] and the reverse, added: 2 0 2 / 0 -8 0 / 2 0 2.
            default: (DerivativeTaps.taps(order: 2, size: size), DerivativeTaps.taps(order: 0, size: size))
            }
        return .rows([
            DerivativeKernel(
                outputShape: input, primary: taps.primary, secondary: taps.secondary,
                combination: .absoluteSum)
        ])
    }
}
