/// Multiplies every level by the contrast and adds the brightness.
public struct BrightnessContrast: Operation {
    public static let description = OperationDescription(
        "brightness-contrast", family: .colour,
        summary: "Multiplies every level by the contrast and adds the brightness, rounded and saturated",
        parameters: [
            ParameterDescription(
                "brightness", "what is added to every level; negative darkens", .number(-65535...65535),
                default: .number(0), unit: "levels", isLevel: true),
            ParameterDescription(
                "contrast", "what every level is multiplied by; 1 leaves it", .number(0...1000), default: .number(1)),
        ],
        matches: "cv::Mat::convertTo(alpha = contrast, beta = brightness) in double precision, ties to even")

    private let brightness: Level
    private let contrast: Double

    public init(arguments: OperationArguments) {
        brightness = arguments.level("brightness")
        contrast = arguments.number("contrast")
    }

    public func outputShape(for input: ImageShape) -> ImageShape { input }

    public func kernel(for input: ImageShape) -> OperationKernel {
        let map = LinearMap(factor: contrast, offset: brightness.at(input.format.depth))
        return .rows([LookupKernel(input, map)])
    }

    private struct LinearMap: LevelMap {
        let factor: Double
        let offset: Double

        func callAsFunction(_ level: Int, depth: SampleDepth) -> Int {
            saturated(Double(level) * factor + offset, depth)
        }

        func line(depth: SampleDepth) -> LevelLine? { LevelLine(factor: factor, offset: offset) }
    }
}
