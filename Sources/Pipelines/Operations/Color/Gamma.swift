/// Raises every level, as a fraction of the largest, to a power.
public struct Gamma: Operation {
    public static let description = OperationDescription(
        "gamma", family: .colour,
        summary:
            "Raises every level, as a fraction of the largest, to the power gamma: above 1 darkens, below brightens",
        parameters: [ParameterDescription("gamma", "the exponent", .number(0.01...100), default: .number(1))],
        matches: "cv2.LUT with the table round((i / 255) ** gamma * 255) of OpenCV's tutorial on gamma correction")

    private let gamma: Double

    public init(arguments: OperationArguments) { gamma = arguments.number("gamma") }

    public func outputShape(for input: ImageShape) -> ImageShape { input }

    public func kernel(for input: ImageShape) -> OperationKernel {
        .rows([LookupKernel(input, PowerMap(exponent: gamma))])
    }

    private struct PowerMap: LevelMap {
        let exponent: Double

        func callAsFunction(_ level: Int, depth: SampleDepth) -> Int {
            let maximum = Double(depth.maximum)
            return saturated(power(Double(level) / maximum, exponent) * maximum, depth)
        }
    }
}
