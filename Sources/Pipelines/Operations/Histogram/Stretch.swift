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
        .wholeImage(
            low == 0 && high == 100
                ? ExtremesStretchKernel(shape: input) : StretchKernel(shape: input, low: low, high: high))
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
        try StretchMap(value, depth: shape.format.depth).apply(input, to: output)
    }
}

/// A line through both levels, in the precision in which OpenCV's `convertTo` computes it: single, rounded once.
struct StretchMap: LevelMap {
    let black: Int
    let white: Int

    /// - Parameter value: the two levels, as the kernels resolve them.
    init(_ value: [UInt8], depth: SampleDepth) throws(PipelineError) {
        var reader = ByteReader(value, name: "a value of stretch")
        black = Int(try reader.read(UInt16.self))
        white = Int(try reader.read(UInt16.self))
        try reader.finish()
        guard black <= white && white <= depth.maximum else {
            throw reader.refused("the levels \(black) and \(white) are not in order or above \(depth.maximum)")
        }
    }

    func apply(_ input: Band, to output: MutableBand) { LookupKernel(output.shape, self).apply(input, to: output) }

    func callAsFunction(_ level: Int, depth: SampleDepth) -> Int {
        guard let line = line(depth: depth) else { return level }
        return saturated(Double(Float(line.offset).addingProduct(Float(line.factor), Float(level))), depth)
    }

    func line(depth: SampleDepth) -> LevelLine? {
        if black == white { return nil }
        let slope = Double(depth.maximum) * (1 / Double(white - black))
        return LevelLine(factor: slope, offset: 0 - Double(black) * slope)
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
