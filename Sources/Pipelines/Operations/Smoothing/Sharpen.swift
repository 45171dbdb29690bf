/// Sharpens by the smallest Laplacian.
public struct Sharpen: Operation {
    public static let description = OperationDescription(
        "sharpen", family: .smoothing, summary: "Convolves with 0 -1 0 / -1 5 -1 / 0 -1 0, saturated",
        border: .reflect101, matches: "cv2.filter2D with that kernel, exactly")

    public init(arguments: OperationArguments) {}

    public func outputShape(for input: ImageShape) -> ImageShape { input }
    public func kernel(for input: ImageShape) -> OperationKernel {
        .rows([FourNeighbourKernel(outputShape: input, function: Sharpening())])
    }
}

/// Five times the pixel less its neighbours.
private struct Sharpening: FourNeighbourFunction {
    @inline(__always)
    func level<Sum: FixedWidthInteger & SignedInteger>(of pixel: Sum, among neighbours: Sum) -> Sum {
        5 &* pixel &- neighbours
    }
}
