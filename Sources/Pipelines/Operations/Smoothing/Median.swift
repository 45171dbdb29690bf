/// Replaces every level by the median of a square window.
public struct Median: Operation {
    public static let description = OperationDescription(
        "median", family: .smoothing,
        keywords:
            "median-blur denoise despeckle salt-and-pepper noise-reduction remove-noise dust-and-scratches blur smooth rank-filter",
        examples: ["median size=3", "median size=5 | otsu"],
        summary: "Replaces every level by the median of a square window",
        parameters: [
            ParameterDescription(
                "size", "the side of the window", .oddInteger(1...255), default: .integer(5), unit: "pixels")
        ],
        border: .replicate,
        matches: "cv2.medianBlur, exactly; at 16 bits OpenCV has sizes 3 and 5 only, larger ones follow the definition")

    private let size: Int

    public init(arguments: OperationArguments) { size = arguments.integer("size") }

    public func computation(for input: ImageShape) -> OperationComputation {
        .rows(size > 1 ? [MedianOfWindow(size: size)] : [])
    }
}

/// The median of a square window.
package struct MedianOfWindow: WindowComputation {
    package let size: Int

    package var radius: Int { size / 2 }
}
