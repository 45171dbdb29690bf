/// Sharpens by the smallest Laplacian.
public struct Sharpen: Operation {
    public static let description = OperationDescription(
        "sharpen", family: .smoothing,
        keywords: "sharpening sharper sharpness crisp enhance-details",
        examples: ["sharpen", "resize scale=0.5 | sharpen"],
        summary: "Convolves with 0 -1 0 / -1 5 -1 / 0 -1 0, saturated",
        border: .reflect101, matches: "cv2.filter2D with that kernel, exactly")

    public init(arguments: OperationArguments) {}

    public func computation(for input: ImageShape) -> OperationComputation { .rows([Sharpening()]) }
}

/// Five times the pixel less its four neighbours.
package struct Sharpening: WindowComputation {
    package var radius: Int { 1 }
}
