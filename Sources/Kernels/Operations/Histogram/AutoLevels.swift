import ByteCoding
import Pipelines

extension ChannelStretch: WholeImageKernelProviding {
    func kernel(for step: WholeImageStep) -> any WholeImageKernel {
        ChannelStretchKernel(shape: step.output, low: low, high: high)
    }
}

/// A partial aggregate is a histogram for each colour. The value is, for each colour, what the value of `stretch` is for all.
private struct ChannelStretchKernel: WholeImageKernel {
    let shape: ImageShape
    let low: Double
    let high: Double

    private var depth: SampleDepth { shape.format.depth }
    private var colors: Int { shape.format.colorChannelCount }

    func aggregate(_ rows: RowsView) -> [UInt8] {
        (0..<colors).flatMap { channel in
            var histogram = LevelHistogram(depth: depth)
            histogram.count(channel: channel, of: rows)
            return histogram.bytes
        }
    }

    func merge(_ partials: [[UInt8]]) throws(PipelineError) -> [UInt8] { try sum(partials).flatMap(\.bytes) }

    private func sum(_ partials: [[UInt8]]) throws(PipelineError) -> [LevelHistogram] {
        let size = (depth.maximum + 1) * 8
        for partial in partials where partial.count != colors * size {
            throw PartialReader(partial, name: "a partial aggregate of auto-levels").refused(
                "it has \(partial.count) bytes instead of \(colors * size)")
        }
        var sums: [LevelHistogram] = []
        for channel in 0..<colors {
            let parts = partials.map { Array($0[channel * size..<(channel + 1) * size]) }
            sums.append(try LevelHistogram(adding: parts, depth: depth, name: "auto-levels"))
        }
        return sums
    }

    func finalize(_ partials: [[UInt8]]) throws(PipelineError) -> [[UInt8]] {
        var writer = BinaryWriter()
        for histogram in try sum(partials) {
            writer.write(UInt16(histogram.level(percentile: low)))
            writer.write(UInt16(histogram.level(percentile: high)))
        }
        return Array(repeating: writer.bytes, count: partials.count)
    }

    func refine(_ value: [UInt8], strips partials: [[UInt8]]) -> [[UInt8]] {
        Array(repeating: value, count: partials.count)
    }

    func apply(_ value: [UInt8], to input: RowsView, into output: MutableRowsView) throws(PipelineError) {
        guard value.count == 4 * colors else {
            throw PartialReader(value, name: "a value of auto-levels").refused(
                "it has \(value.count) bytes instead of \(4 * colors)")
        }
        var maps: [StretchMap] = []
        for channel in 0..<colors {
            maps.append(try StretchMap(Array(value[4 * channel..<4 * channel + 4]), depth: depth))
        }
        if let map = maps.first, colors == 1 {
            map.apply(input, to: output)
        } else {
            ChannelLookup(shape, maps).apply(input, to: output)
        }
    }
}
