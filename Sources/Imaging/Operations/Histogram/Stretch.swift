/// Stretches the levels that occur to the whole range.
public struct Stretch: Operation {
    public static let description = OperationDescription(
        "stretch", family: .histogram,
        summary: "Stretches the levels between two percentiles of the image to the whole range",
        parameters: [
            ParameterDescription(
                "low", "the share of the samples that may become 0; 0 is the darkest of them", .number(0...100),
                default: .number(0), unit: "percent"),
            ParameterDescription(
                "high", "the share up to which they stay below the largest level; 100 is the brightest; more than low",
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

    public func outputShape(for input: ImageShape) -> ImageShape { input }
    public func kernel(for input: ImageShape) -> OperationKernel {
        .wholeImage(StretchKernel(shape: input, low: low, high: high))
    }
}

/// The value is the two levels that become the ends of the range, each as a little-endian `UInt16`.
private struct StretchKernel: WholeImageKernel {
    let shape: ImageShape
    let low: Double
    let high: Double

    var prelude: [any RowKernel] { [] }
    var outputShape: ImageShape { shape }
    var summarisedShape: ImageShape { shape }
    var finishesRowByRow: Bool { true }

    func summarise(_ rows: Band) -> [UInt8] {
        var histogram = LevelHistogram(depth: shape.format.depth)
        histogram.count(colours: rows)
        return histogram.bytes
    }

    func combine(_ summaries: [[UInt8]]) throws(PipelineError) -> [UInt8] {
        try LevelHistogram(adding: summaries, depth: shape.format.depth, name: "stretch").bytes
    }

    func resolve(_ summaries: [[UInt8]]) throws(PipelineError) -> [[UInt8]] {
        let histogram = try LevelHistogram(adding: summaries, depth: shape.format.depth, name: "stretch")
        var writer = ByteWriter()
        writer.write(UInt16(histogram.level(percentile: low)))
        writer.write(UInt16(histogram.level(percentile: high)))
        return Array(repeating: writer.bytes, count: summaries.count)
    }

    func refine(_ value: [UInt8], strips summaries: [[UInt8]]) -> [[UInt8]] {
        Array(repeating: value, count: summaries.count)
    }

    func finish(_ input: Band, value: [UInt8], to output: MutableBand) throws(PipelineError) {
        var reader = ByteReader(value, name: "a value of stretch")
        let black = Int(try reader.read(UInt16.self))
        let white = Int(try reader.read(UInt16.self))
        try reader.finish()
        let maximum = shape.format.depth.maximum
        guard black <= white && white <= maximum else {
            throw reader.refused("the levels \(black) and \(white) are not in order or above \(maximum)")
        }
        LookupKernel(shape, StretchMap(black: black, white: white)).apply(input, to: output)
    }

    /// A line through both levels, in the precision in which OpenCV's `convertTo` computes it: single, rounded once.
    private struct StretchMap: LevelMap {
        let black: Int
        let white: Int

        func callAsFunction(_ level: Int, depth: SampleDepth) -> Int {
            if black == white { return level }
            let slope = Double(depth.maximum) * (1 / Double(white - black))
            let start = 0 - Double(black) * slope
            return saturated(Double(Float(start).addingProduct(Float(slope), Float(level))), depth)
        }
    }
}

extension LevelHistogram {
    /// The smallest level that at least `percentile` percent of the samples, and at least one, do not exceed.
    fileprivate func level(percentile: Double) -> Int {
        let total = counts.reduce(0, +)
        let rank = max(1, (percentile * Double(total) / 100).rounded(.up))
        var sum: UInt64 = 0
        for (level, count) in counts.enumerated() {
            sum += count
            if Double(sum) >= rank { return level }
        }
        return counts.count - 1
    }
}
