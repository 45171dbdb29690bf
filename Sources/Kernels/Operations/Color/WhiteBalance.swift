import ByteCoding
import Pipelines

extension GrayWorld: WholeImageKernelProviding {
    func kernel(for step: WholeImageStep) -> any WholeImageKernel { GrayWorldKernel(shape: step.output) }
}

/// A partial aggregate and the value are the sums of the three colours' samples, each as a little-endian `UInt64`.
private struct GrayWorldKernel: WholeImageKernel {
    let shape: ImageShape

    func aggregate(_ rows: RowsView) -> [UInt8] {
        switch shape.format.depth {
        case .eight: sums(rows, UInt8.self).bytes
        case .sixteen: sums(rows, UInt16.self).bytes
        }
    }

    private func sums<Sample: FixedWidthInteger & UnsignedInteger>(_ rows: RowsView, _: Sample.Type) -> ColorSums {
        var sums = ColorSums()
        for y in rows.rows {
            let row: UnsafePointer<Sample> = rows.row(y)
            // Numbers of channels, and the type of the sums of few samples, as constants.
            switch (shape.format.layout.hasAlpha, Sample.bitWidth) {
            case (false, 8): sums.add(row, shape.width, channels: 3, UInt16.self)
            case (true, 8): sums.add(row, shape.width, channels: 4, UInt16.self)
            case (false, _): sums.add(row, shape.width, channels: 3, UInt32.self)
            case (true, _): sums.add(row, shape.width, channels: 4, UInt32.self)
            }
        }
        return sums
    }

    func merge(_ partials: [[UInt8]]) throws(PipelineError) -> [UInt8] { try ColorSums(adding: partials).bytes }

    func finalize(_ partials: [[UInt8]]) throws(PipelineError) -> [[UInt8]] {
        Array(repeating: try merge(partials), count: partials.count)
    }

    func refine(_ value: [UInt8], strips partials: [[UInt8]]) -> [[UInt8]] {
        Array(repeating: value, count: partials.count)
    }

    func apply(_ value: [UInt8], to input: RowsView, into output: MutableRowsView) throws(PipelineError) {
        let factors = try ColorSums(adding: [value]).factors
        ChannelLookup(shape, factors.map { ScaledLevel(factor: $0) }).apply(input, to: output)
    }
}

private struct ColorSums {
    private var sums: [UInt64] = [0, 0, 0]

    init() {}

    init(adding partials: [[UInt8]]) throws(PipelineError) {
        for partial in partials {
            var reader = PartialReader(partial, name: "a partial aggregate of white-balance")
            for color in 0..<3 {
                let sum = try reader.read(UInt64.self)
                // More than the samples of any image add up to.
                guard sum < 1 << 62, sums[color] < 1 << 62 else { throw reader.refused("its sums are too large") }
                sums[color] += sum
            }
            try reader.finish()
        }
    }

    var bytes: [UInt8] {
        var writer = BinaryWriter()
        for sum in sums { writer.write(sum) }
        return writer.bytes
    }

    /// Adds the colours of a row: first the samples that are as far apart as two vectors of whole pixels are long, which needs
    /// nothing but additions of vectors.
    @inline(__always)
    mutating func add<Sample: FixedWidthInteger & UnsignedInteger, Short: FixedWidthInteger & UnsignedInteger>(
        _ row: UnsafePointer<Sample>, _ width: Int, channels: Int, _: Short.Type
    ) {
        let lanes = 32 * channels
        // As many of the largest samples as a short sum holds: 257 of bytes, 65537 of words.
        let most = Int(Short.max / Short(truncatingIfNeeded: Sample.max))
        let blocks = width / 32
        withUnsafeTemporaryAllocation(of: Short.self, capacity: lanes) { memory in
            let short = memory.baseAddress.unsafelyUnwrapped
            for start in stride(from: 0, to: blocks, by: most) {
                short.update(repeating: 0, count: lanes)
                for block in start..<min(start + most, blocks) {
                    let samples = row + block * lanes
                    for lane in 0..<lanes { short[lane] &+= Short(truncatingIfNeeded: samples[lane]) }
                }
                for pixel in 0..<32 { addPixel(short + pixel * channels) }
            }
        }
        for x in blocks * 32..<width { addPixel(row + x * channels) }
    }

    @inline(__always)
    private mutating func addPixel<Value: FixedWidthInteger & UnsignedInteger>(_ values: UnsafePointer<Value>) {
        for color in 0..<3 { sums[color] &+= UInt64(values[color]) }
    }

    /// What each colour is multiplied by; 1 for a colour that the image does not have.
    var factors: [Double] {
        let mean = (Double(sums[0]) + Double(sums[1]) + Double(sums[2])) / 3
        return sums.map { $0 == 0 ? 1 : mean / Double($0) }
    }
}

/// A level times a factor.
private struct ScaledLevel: LevelMap {
    let factor: Double

    func callAsFunction(_ level: Int, depth: SampleDepth) -> Int { saturated(Double(level) * factor, depth) }

    func line(depth: SampleDepth) -> LevelLine? { LevelLine(factor: factor, offset: 0) }
}
