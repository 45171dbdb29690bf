/// Replaces every level by the mean of a square window.
public struct BoxBlur: Operation {
    public static let description = OperationDescription(
        "box-blur", family: .smoothing, summary: "Replaces every level by the mean of a square window, rounded",
        parameters: [
            ParameterDescription(
                "size", "the side of the window", .oddInteger(1...255), default: .integer(5), unit: "pixels"),
            Padding.parameter,
        ],
        border: .reflect101,
        matches: "cv2.blur, exactly at 8 bits; at 16 bits OpenCV divides in single precision and may be 1 level off")

    private let size: Int
    private let border: Padding

    public init(arguments: OperationArguments) {
        size = arguments.integer("size")
        border = arguments.choice("border")
    }

    public func outputShape(for input: ImageShape) -> ImageShape { input }

    public func kernel(for input: ImageShape) -> OperationKernel {
        guard size > 1 else { return .rows([]) }
        return .rows([border.applied(to: input) { BoxMean.kernel(for: $0, size: size, border: .reflect101) }])
    }
}

/// The mean of a square window, rounded: several ways, one result.
enum BoxMean {
    /// - Parameter size: odd.
    static func kernel(for input: ImageShape, size: Int, border: RowBorder) -> any RowKernel {
        if (3...NarrowBoxKernel.largestSize).contains(size) {
            NarrowBoxKernel(outputShape: input, size: size, border: border)
        } else {
            BoxKernel(outputShape: input, size: size, border: border)
        }
    }
}
