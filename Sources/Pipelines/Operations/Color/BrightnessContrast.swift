/// Multiplies every level by the contrast and adds the brightness.
public struct BrightnessContrast: Operation {
    public static let description = OperationDescription(
        "brightness-contrast", family: .color,
        summary: "Multiplies every level by the contrast and adds the brightness, rounded and saturated",
        parameters: [
            ParameterDescription(
                "brightness", "added to every level; negative values darken", .number(-65535...65535),
                default: .number(0), unit: "levels", isLevel: true),
            ParameterDescription(
                "contrast", "factor for every level; 1 changes nothing", .number(0...1000), default: .number(1)),
        ],
        matches: "cv::Mat::convertTo(alpha = contrast, beta = brightness) in double precision, ties to even")

    private let brightness: Level
    private let contrast: Double

    public init(arguments: OperationArguments) {
        brightness = arguments.level("brightness")
        contrast = arguments.number("contrast")
    }

    public func computation(for input: ImageShape) -> OperationComputation {
        .rows([LinearMap(factor: contrast, offset: brightness.at(input.format.depth))])
    }
}

/// Multiplies every sample value and adds to it, rounded and saturated.
package struct LinearMap: PointComputation {
    package let factor: Double
    package let offset: Double
}
