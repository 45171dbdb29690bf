/// Multiplies every level by the contrast and adds the brightness.
public struct BrightnessContrast: Operation {
    public static let description = OperationDescription(
        "brightness-contrast", family: .color,
        keywords:
            "brightness contrast lighten darken brighter darker exposure convert-to convert-scale-abs linear-transform adjust-brightness",
        examples: [
            "brightness-contrast brightness=30",
            "brightness-contrast brightness=-20 contrast=1.3 | saturation scale=1.1",
        ],
        summary: "Multiplies every level by the contrast and adds the brightness, rounded and saturated",
        parameters: [
            ParameterDescription(
                "brightness", "added to every level; negative values darken", .number(-65535...65535),
                default: .number(0), unit: "levels", isLevel: true),
            ParameterDescription(
                "contrast", "factor for every level; 1 changes nothing", .number(0...1000), default: .number(1)),
        ],
        asksFor: ["brightness", "contrast"],
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
