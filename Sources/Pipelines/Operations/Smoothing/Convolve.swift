/// Weights the pixels of a window by given numbers.
public struct Convolve: Operation {
    public static let description = OperationDescription(
        "convolve", family: .smoothing,
        keywords: "convolution kernel filter2d filter-2d custom-filter matrix correlate morphology-convolve",
        examples: ["convolve kernel=\"1 2 1 / 2 4 2 / 1 2 1\" scale=0.0625", "convolve kernel=\"-1 0 1\" offset=128"],
        summary: "Sums the window's pixels, weighted by the kernel, and scales the sum",
        parameters: [
            ParameterDescription(
                "kernel",
                "the weights, from the top left; not mirrored, the middle one is for the pixel itself",
                .matrix(maximumSide: 31, -1_000_000...1_000_000), default: .matrix(.identity)),
            ParameterDescription(
                "scale", "factor for the sum", .number(-1_000_000...1_000_000), default: .number(1)),
            ParameterDescription(
                "offset", "added after scaling", .number(-65535...65535), default: .number(0), unit: "levels",
                isLevel: true),
            Padding.parameter,
        ],
        asksFor: ["kernel"],
        border: .reflect101,
        matches: "cv2.filter2D to double precision, times scale, plus offset, ties to even; exactly where the sums are "
            + "(integer kernels, or few fractional bits), else at most 1 level off near ties")

    private let matrix: Matrix
    private let scale: Double
    private let offset: Level
    private let border: Padding

    public init(arguments: OperationArguments) {
        matrix = arguments.matrix("kernel")
        scale = arguments.number("scale")
        offset = arguments.level("offset")
        border = arguments.choice("border")
    }

    public func computation(for input: ImageShape) -> OperationComputation {
        let convolution = Convolution(matrix: matrix, scale: scale, offset: offset.at(input.format.depth))
        return .rows([border.applied(to: convolution)])
    }
}

/// The sum of a window's pixels, each times its number of the matrix; scaled, and offset.
package struct Convolution: WindowComputation {
    package let matrix: Matrix
    package let scale: Double
    package let offset: Double

    package var radius: Int { max(matrix.rowCount, matrix.columnCount) / 2 }
}
