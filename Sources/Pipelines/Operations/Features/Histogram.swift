/// Counts how often the levels of each channel occur.
public struct Histogram: FeatureOperation {
    public static let description = OperationDescription(
        "histogram", family: .features,
        keywords:
            "hist calc-hist distribution levels-plot plot chart statistics intensity-distribution tonal-distribution",
        examples: ["histogram", "grayscale | histogram bins=64 scale=log"],
        summary: "Counts the levels of each channel but alpha in bins of the same width, over the whole image",
        parameters: [
            ParameterDescription(
                "bins", "the number of bins", .integer(1...256), default: .integer(256)),
            ParameterDescription(
                "scale",
                "the plot's vertical axis; auto: linear, but log where the most frequent bin has more than sixteen times the "
                    + "pixels that a bin has on average",
                .choice(Scale.allCases.map(\.rawValue)), default: .word(Scale.auto.rawValue)),
            .output(
                [
                    ("plot", "a diagram of its own with axes"),
                    ("overlay", "bars over the image, in which the channel has its largest level"),
                ], documents: [.json, .csv], synonyms: ["image": "plot"]),
        ],
        result:
            "RGB at 8 bits, 800 x 500 pixels whatever the input; with output=overlay the format of the input, with bars as "
            + "high as the image for a channel's most frequent bin; alpha passes through",
        matches: "cv2.calcHist with uniform bins over all levels, exactly",
        document: """
            `bins`; `channels`: for each channel but alpha its `name` (`gray`, or `r`, `g`, `b`) and `counts`, the pixels \
            in each bin; bin i has the levels from i * L / bins up to but not including (i + 1) * L / bins, L being 256 or \
            65536. As CSV a line per bin: its first level, and the count of each channel
            """)

    package enum Scale: String, CaseIterable, Sendable {
        case auto, linear, log
    }

    private let bins: Int
    private let scale: Scale
    private let isOverlay: Bool
    public let output: ResultKind

    public init(arguments: OperationArguments) {
        bins = arguments.integer("bins")
        scale = arguments.choice("scale")
        isOverlay = arguments["output"] == .word("overlay")
        output = arguments.output
    }

    /// A diagram is not the picture: neither its colour space nor its orientation applies.
    public var metadataEffect: MetadataEffect { isOverlay ? [] : [.replacesColors, .setsOrientation] }

    public func computation(for input: ImageShape) -> OperationComputation {
        if isOverlay { return .wholeImage(BinCounts(bins: bins, result: .bars)) }
        return .wholeImage(
            BinCounts(bins: bins, result: .counts), after: [HistogramPlot(image: input, bins: bins, scale: scale)])
    }

    public func report(for input: ImageShape) -> any ReportComputation {
        BinCounts(bins: bins, result: output == .csv ? .table : .document)
    }
}

/// The sample values of each channel but alpha, counted in bins of the same width.
package struct BinCounts: WholeImageComputation, ReportComputation {
    package enum Result: Sendable {
        /// Bars over the image.
        case bars
        /// Rows that each have all counts: `BinLayout`.
        case counts
        case document, table
    }

    package let bins: Int
    package let result: Result
    package var hasValueOfAnySize: Bool { true }

    package func outputShape(for input: ImageShape) -> ImageShape {
        switch result {
        case .bars, .document, .table: input
        case .counts: BinLayout(image: input, bins: bins).shape
        }
    }
}

/// Counts of bins as a row of an image, as they go from one kernel to the next: a little-endian `UInt64` per bin, channel
/// after channel. To the plan they are rows of gray bytes, as many as the image has; all are the same.
package struct BinLayout: Sendable {
    package let shape: ImageShape

    package init(image: ImageShape, bins: Int) {
        shape = ImageShape(
            width: 8 * bins * image.format.colorChannelCount, height: image.height, format: PixelFormat(.gray, .eight))
    }
}

/// A diagram of the counts in the rows of a `BinLayout`.
package struct HistogramPlot: RowComputation {
    /// The image whose sample values were counted.
    package let image: ImageShape
    package let bins: Int
    package let scale: Histogram.Scale

    package func outputShape(for input: ImageShape) -> ImageShape {
        ImageShape(width: 800, height: 500, format: PixelFormat(.rgb, .eight))
    }

    /// The first will do.
    package func inputRows(for rows: Range<Int>, of input: ImageShape) -> Range<Int> { rows.isEmpty ? 0..<0 : 0..<1 }
}
