/// Replaces every level by the median of a square window.
public struct Median: Operation {
    public static let description = OperationDescription(
        "median", family: .smoothing, summary: "Replaces every level by the median of a square window",
        parameters: [
            ParameterDescription(
                "size", "the side of the window", .oddInteger(1...255), default: .integer(5), unit: "pixels")
        ],
        border: .replicate,
        matches: "cv2.medianBlur, exactly; at 16 bits OpenCV has sizes 3 and 5 only, larger ones follow the definition")

    private let size: Int

    public init(arguments: OperationArguments) { size = arguments.integer("size") }

    public func outputShape(for input: ImageShape) -> ImageShape { input }

    public func kernel(for input: ImageShape) -> OperationKernel {
        switch (size, input.format.depth) {
        case (1, _): .rows([])
        case (3, _): .rows([Median3Kernel(outputShape: input)])
        case (5, _): .rows([Median5Kernel(outputShape: input)])
        case (_, .eight): .rows([HistogramMedianKernel(outputShape: input, size: size)])
        case (_, .sixteen): .rows([WideMedianKernel(outputShape: input, size: size)])
        }
    }
}
