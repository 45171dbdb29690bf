import ByteCoding
import Pipelines

extension PercentileStretch: WholeImageKernelProviding {
    func kernel(for step: WholeImageStep) -> any WholeImageKernel {
        low == 0 && high == 100
            ? ExtremesStretchKernel(shape: step.output) : StretchKernel(shape: step.output, low: low, high: high)
    }
}

/// The value is the two levels that become the ends of the range, each as a little-endian `UInt16`.
private struct StretchKernel: WholeImageKernel {
    let shape: ImageShape
    let low: Double
    let high: Double

    var outputShape: ImageShape { shape }

    func aggregate(_ rows: RowsView) -> [UInt8] {
        var histogram = LevelHistogram(depth: shape.format.depth)
        histogram.count(colors: rows)
        return histogram.bytes
    }

    func merge(_ partials: [[UInt8]]) throws(PipelineError) -> [UInt8] {
        try LevelHistogram(adding: partials, depth: shape.format.depth, name: "stretch").bytes
    }

    func finalize(_ partials: [[UInt8]]) throws(PipelineError) -> [[UInt8]] {
        let histogram = try LevelHistogram(adding: partials, depth: shape.format.depth, name: "stretch")
        var writer = BinaryWriter()
        writer.write(UInt16(histogram.level(percentile: low)))
        writer.write(UInt16(histogram.level(percentile: high)))
        return Array(repeating: writer.bytes, count: partials.count)
    }

    func refine(_ value: [UInt8], strips partials: [[UInt8]]) -> [[UInt8]] {
        Array(repeating: value, count: partials.count)
    }

    func apply(_ value: [UInt8], to input: RowsView, into output: MutableRowsView) throws(PipelineError) {
        try StretchMap(value, depth: shape.format.depth).apply(input, to: output)
    }
}

/// A line through both levels, in the precision in which OpenCV's `convertTo` computes it: single, rounded once.
struct StretchMap: LevelMap {
    let black: Int
    let white: Int

    /// - Parameter value: the two levels, as the kernels resolve them.
    init(_ value: [UInt8], depth: SampleDepth) throws(PipelineError) {
        var reader = PartialReader(value, name: "a value of stretch")
        black = Int(try reader.read(UInt16.self))
        white = Int(try reader.read(UInt16.self))
        try reader.finish()
        guard black <= white && white <= depth.maximum else {
            throw reader.refused("the levels \(black) and \(white) are not in order or above \(depth.maximum)")
        }
    }

    func apply(_ input: RowsView, to output: MutableRowsView) {
        LookupKernel(output.shape, self).apply(input, to: output)
    }

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
    func level(percentile: Double) -> Int {
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
