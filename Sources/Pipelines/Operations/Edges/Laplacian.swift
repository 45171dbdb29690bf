/// The absolute value of the second derivatives' sum.
public struct Laplacian: Operation {
    public static let description = OperationDescription(
        "laplacian", family: .edges,
        keywords: "laplace edge-detection edges second-derivative laplacian-of-gaussian log blob zero-crossing",
        examples: ["laplacian", "gaussian-blur sigma=2 | laplacian size=3"],
        summary: "The absolute sum of the second derivatives, saturated, per channel",
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

    public func computation(for input: ImageShape) -> OperationComputation {
        if size == 1 { return .rows([border.applied(to: FourNeighborLaplacian())]) }
        return .rows([border.applied(to: Gradient(taps: .secondSobel(size: size), combination: .absoluteSum))])
    }
}

/// |left + right + above + below - 4 times the pixel|, saturated.
package struct FourNeighborLaplacian: WindowComputation {
    package var radius: Int { 1 }
}
