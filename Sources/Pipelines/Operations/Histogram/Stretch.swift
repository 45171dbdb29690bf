/// Stretches the levels that occur to the whole range.
public struct Stretch: Operation {
    public static let description = OperationDescription(
        "stretch", family: .histogram,
        keywords:
            "normalize auto-contrast contrast-stretch contrast-stretching rescale-intensity normalization contrast",
        examples: ["stretch low=1 high=99", "grayscale | stretch low=0.5 high=99.5"],
        summary: "Stretches the levels between two percentiles of the image to the whole range",
        parameters: [
            ParameterDescription(
                "low",
                "the percentile whose level becomes 0; 0 means the darkest level, so that one dark pixel decides; 1 leaves out "
                    + "such pixels", .number(0...100),
                default: .number(0), unit: "percent"),
            ParameterDescription(
                "high",
                "the percentile whose level becomes the largest; 100 means the brightest level; greater than low",
                .number(0...100), default: .number(100), unit: "percent"),
        ],
        matches:
            "cv2.normalize(0, 255 or 65535, NORM_MINMAX) with the defaults, exactly; else the same line through other "
            + "levels, by np.percentile of the samples of all colours together with method inverted_cdf. An image whose "
            + "percentiles are one level stays as it is")

    private let low: Double
    private let high: Double

    public init(arguments: OperationArguments) throws(PipelineError) {
        low = arguments.number("low")
        high = arguments.number("high")
        guard low < high else {
            throw PipelineError(
                .badValue,
                "`stretch`: low=\(ArgumentValue.number(low)) is not below high=\(ArgumentValue.number(high)); give a "
                    + "smaller low or a larger high")
        }
    }

    public func computation(for input: ImageShape) -> OperationComputation {
        .wholeImage(PercentileStretch(low: low, high: high))
    }
}

/// Stretches the sample values between two percentiles to the whole range.
package struct PercentileStretch: WholeImageComputation {
    package let low: Double
    package let high: Double
    package var hasValueOfAnySize: Bool { true }
}
