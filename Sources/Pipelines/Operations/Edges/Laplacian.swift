/// The absolute value of the second derivatives' sum.
public struct Laplacian: Operation {
    public static let description = OperationDescription(
        "laplacian", family: .edges,
        summary: "The absolute sum of the second derivatives, saturated, each channel by itself",
        parameters: [
            ParameterDescription(
                "size", "the side of the window; 1 is the 3 x 3 window with four neighbours", .oddInteger(1...7),
                default: .integer(1), unit: "pixels"),
            Padding.parameter,
        ],
        border: .reflect101,
        matches:
            "cv2.Laplacian, then the absolute value, exactly at 8 bits and up to size 5; at 16 bits and size 7 OpenCV "
            + "adds in single precision and may be 1 level off")

    private let size: Int
    private let border: Padding

    public init(arguments: OperationArguments) {
        size = arguments.integer("size")
        border = arguments.choice("border")
    }

    public func outputShape(for input: ImageShape) -> ImageShape { input }

    public func kernel(for input: ImageShape) -> OperationKernel {
        if size == 1 {
            return .rows([
                border.applied(to: input) { FourNeighbourKernel(outputShape: $0, function: FourNeighbourLaplacian()) }
            ])
        }
        // [1 -2 1] over [1 2 1] and the reverse, added: 2 0 2 / 0 -8 0 / 2 0 2 at size 3.
        return .rows([
            border.applied(to: input) {
                DerivativeKernel(
                    outputShape: $0, primary: DerivativeTaps.taps(order: 2, size: size),
                    secondary: DerivativeTaps.taps(order: 0, size: size), combination: .absoluteSum)
            }
        ])
    }
}

/// |left + right + above + below - 4 times the pixel|.
private struct FourNeighbourLaplacian: FourNeighbourFunction {
    @inline(__always)
    func level<Sum: FixedWidthInteger & SignedInteger>(of pixel: Sum, among neighbours: Sum) -> Sum {
        let value = neighbours &- 4 &* pixel
        return max(value, 0 &- value)
    }
}
