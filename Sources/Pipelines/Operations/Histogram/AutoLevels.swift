/// Stretches each colour by itself to the whole range.
public struct AutoLevels: Operation {
    public static let description = OperationDescription(
        "auto-levels", family: .histogram,
        keywords:
            "autolevel auto-tone auto-color-levels stretch-each-channel per-channel-contrast auto-fix auto-enhance faded-photo color-stretch",
        examples: ["auto-levels shadows=1 highlights=1", "auto-levels | unsharp"],
        summary:
            "Stretches the levels of each colour by itself to the whole range, so that the picture has black and white and "
            + "mostly no cast; a few of the darkest and brightest samples are clipped",
        parameters: [
            ParameterDescription(
                "shadows", "the share of each colour's samples that may become 0", .number(0...49),
                default: .number(0.1), unit: "percent"),
            ParameterDescription(
                "highlights", "the share of each colour's samples that may become the largest level", .number(0...49),
                default: .number(0.1), unit: "percent"),
        ],
        matches:
            "`stretch low=shadows high=100-highlights` of each colour by itself: a line through the levels at these "
            + "percentiles of the colour (np.percentile, method inverted_cdf), in single precision. The defaults clip as "
            + "Photoshop's Auto Levels do. A colour whose percentiles are one level stays as it is")

    private let shadows: Double
    private let highlights: Double

    public init(arguments: OperationArguments) {
        shadows = arguments.number("shadows")
        highlights = arguments.number("highlights")
    }

    public func computation(for input: ImageShape) -> OperationComputation {
        .wholeImage(ChannelStretch(low: shadows, high: 100 - highlights))
    }
}

/// Stretches the sample values of each colour between two of its percentiles to the whole range.
package struct ChannelStretch: WholeImageComputation {
    package let low: Double
    package let high: Double
    package var hasValueOfAnySize: Bool { true }
}
