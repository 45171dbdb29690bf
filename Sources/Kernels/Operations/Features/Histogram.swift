import Pipelines

extension BinCounts: WholeImageKernelProviding, ReportKernelProviding {
    func kernel(for step: WholeImageStep) -> any WholeImageKernel { kernel(step.input) }
    func kernel(for step: ReportStep) -> any ReportKernel { kernel(step.input) }

    private func kernel(_ input: ImageShape) -> HistogramKernel {
        HistogramKernel(shape: input, bins: bins, result: result)
    }
}

/// Summary and value are the counts: a little-endian `UInt64` a bin, channel after channel.
private struct HistogramKernel: WholeImageKernel, ReportKernel {
    let shape: ImageShape
    let bins: Int
    let result: BinCounts.Result

    private var levelCount: Int { shape.format.depth.maximum + 1 }
    private var channelCount: Int { shape.format.colorChannelCount }

    func aggregate(_ rows: RowsView) -> [UInt8] {
        var counts: [UInt64] = []
        for channel in 0..<channelCount {
            var histogram = LevelHistogram(depth: shape.format.depth)
            histogram.count(channel: channel, of: rows)
            var binned = [UInt64](repeating: 0, count: bins)
            for (level, count) in histogram.counts.enumerated() {
                binned[Int(Double(level) * (Double(bins) / Double(levelCount)))] += count
            }
            counts += binned
        }
        return bytes(counts)
    }

    private func bytes(_ counts: [UInt64]) -> [UInt8] { counts.map(\.littleEndian).withUnsafeBytes { Array($0) } }

    private func sum(_ partials: [[UInt8]]) throws(PipelineError) -> [UInt64] {
        var sums = [UInt64](repeating: 0, count: bins * channelCount)
        for summary in partials {
            var reader = PartialReader(summary, name: "a summary of histogram")
            for index in sums.indices {
                let count = try reader.read(UInt64.self)
                guard count < 1 << 46, sums[index] < 1 << 46 else {
                    throw reader.refused("it counts more than 2^46 pixels")
                }
                sums[index] += count
            }
            try reader.finish()
        }
        return sums
    }

    func merge(_ partials: [[UInt8]]) throws(PipelineError) -> [UInt8] { bytes(try sum(partials)) }

    func finalize(_ partials: [[UInt8]]) throws(PipelineError) -> [[UInt8]] {
        Array(repeating: try merge(partials), count: partials.count)
    }

    func refine(_ value: [UInt8], strips partials: [[UInt8]]) -> [[UInt8]] {
        Array(repeating: value, count: partials.count)
    }

    func document(_ partials: [[UInt8]]) throws(PipelineError) -> [UInt8] {
        let counts = try sum(partials)
        let names = shape.format.layout.isColor ? ["r", "g", "b"] : ["gray"]
        if result == .table { return table(counts, names) }
        var text = JSONText("histogram", width: shape.width, height: shape.height)
        text.add("bins", bins)
        text.add("channels", names.indices) { channel in
            let counts = counts[channel * bins..<(channel + 1) * bins].map { String($0) }
            return "{\"name\": \"\(names[channel])\", \"counts\": [\(counts.joined(separator: ", "))]}"
        }
        return text.document
    }

    /// A line per bin: its first level, and the count of each channel.
    private func table(_ counts: [UInt64], _ names: [String]) -> [UInt8] {
        var lines = [(["level"] + names).joined(separator: ",")]
        for bin in 0..<bins {
            // The first level that is counted in it: see `aggregate`.
            let first = (bin * levelCount + bins - 1) / bins
            lines.append(
                ([first] + names.indices.map { Int(counts[$0 * bins + bin]) }).map { "\($0)" }.joined(separator: ","))
        }
        return Array((lines.joined(separator: "\n") + "\n").utf8)
    }

    func apply(_ value: [UInt8], to input: RowsView, into output: MutableRowsView) throws(PipelineError) {
        let counts = try sum([value])
        if result == .counts {
            let row = bytes(counts)
            for y in output.rows {
                output.row(y, as: UInt8.self).update(from: row, count: row.count)
            }
            return
        }
        switch shape.format.depth {
        case .eight: draw(counts, input, output, UInt8.self)
        case .sixteen: draw(counts, input, output, UInt16.self)
        }
    }

    /// The bar of the bin that a column stands for reaches up to row `y` when count / largest count >= (height - y) / height.
    private func draw<Sample: FixedWidthInteger & UnsignedInteger>(
        _ counts: [UInt64], _ input: RowsView, _ output: MutableRowsView, _: Sample.Type
    ) {
        let channels = shape.format.channelCount
        // For each sample of a row, the topmost row of the bar that it is in.
        var tops = [Int32](repeating: Int32.max, count: shape.samplesPerRow)
        for channel in 0..<channelCount {
            let bars = counts[channel * bins..<(channel + 1) * bins]
            let largest = max(1, bars.max() ?? 1)
            let reach = bars.map { bar in
                let (high, low) = bar.multipliedFullWidth(by: UInt64(shape.height))
                return Int32(shape.height) - Int32(largest.dividingFullWidth((high, low)).quotient)
            }
            for x in 0..<shape.width { tops[x * channels + channel] = reach[x * bins / shape.width] }
        }
        for y in output.rows {
            let source: UnsafePointer<Sample> = input.row(y)
            let target: UnsafeMutablePointer<Sample> = output.row(y)
            let row = Int32(truncatingIfNeeded: y)
            for index in 0..<shape.samplesPerRow { target[index] = tops[index] <= row ? Sample.max : source[index] }
        }
    }
}
