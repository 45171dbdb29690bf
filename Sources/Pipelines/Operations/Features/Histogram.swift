/// Counts how often the levels of each channel occur.
public struct Histogram: FeatureOperation {
    public static let description = OperationDescription(
        "histogram", family: .features,
        summary: "Counts the levels of each channel but alpha in bins of the same width, over the whole image",
        parameters: [
            ParameterDescription(
                "bins", "the number of bins", .integer(1...256), default: .integer(256)),
            .output(image: "the histogram is drawn over the image"),
        ],
        result:
            "the format of the input; bars as high as the image for a channel's most frequent bin, in which the channel has "
            + "its largest level; alpha passes through",
        matches: "cv2.calcHist with uniform bins over all levels, exactly",
        document: """
            `bins`; `channels`: for each channel but alpha its `name` (`gray`, or `r`, `g`, `b`) and `counts`, the pixels \
            in each bin; bin i has the levels from i * L / bins up to but not including (i + 1) * L / bins, L being 256 or \
            65536
            """)

    private let bins: Int
    public let output: ResultKind

    public init(arguments: OperationArguments) {
        bins = arguments.integer("bins")
        output = arguments.output
    }

    public func computation(for input: ImageShape) -> OperationComputation { .wholeImage(BinCounts(bins: bins)) }
    public func report(for input: ImageShape) -> any ReportComputation { BinCounts(bins: bins) }
}

/// The sample values of each channel but alpha, counted in bins of the same width.
package struct BinCounts: WholeImageComputation, ReportComputation {
    package let bins: Int
}
