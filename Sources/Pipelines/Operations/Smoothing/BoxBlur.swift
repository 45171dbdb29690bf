/// Replaces every level by the mean of a square window.
public struct BoxBlur: Operation {
    public static let description = OperationDescription(
        "box-blur", family: .smoothing,
        keywords: "mean-filter blur average mean box-filter smooth smoothing uniform-filter",
        examples: ["box-blur size=9", "box-blur size=5 | sobel"],
        summary: "Replaces every level by the mean of a square window, rounded",
        parameters: [
            ParameterDescription(
                "size", "the side of the window", .oddInteger(1...255), default: .integer(5), unit: "pixels"),
            Padding.parameter, AlphaTreatment.parameter(separately: "alpha passes through"),
        ],
        result: "the format of the input", border: .reflect101,
        matches: "cv2.blur, exactly at 8 bits; at 16 bits OpenCV divides in single precision and may be 1 level off")

    private let size: Int
    private let border: Padding
    private let alpha: AlphaTreatment

    public init(arguments: OperationArguments) {
        size = arguments.integer("size")
        border = arguments.choice("border")
        alpha = arguments.choice("alpha")
    }

    public func computation(for input: ImageShape) throws(PipelineError) -> OperationComputation {
        try alpha.applied(to: input) { _, isPremultiplied in
            let mean = BoxMean(size: size, border: .reflect101, includesAlpha: isPremultiplied)
            return .rows(size > 1 ? [border.applied(to: mean)] : [])
        }
    }
}

/// The mean of a square window, rounded.
package struct BoxMean: WindowComputation {
    package let size: Int
    package let border: RowBorder
    /// Whether alpha is averaged like a colour; otherwise it stays.
    package var includesAlpha = false

    package var radius: Int { size / 2 }
}
