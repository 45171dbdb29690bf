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
            // As many pixels as surely fit 32 bits.
            for start in stride(from: 0, to: shape.width, by: 65536) {
                let end = min(start + 65536, shape.width)
                if shape.format.layout.hasAlpha {
                    sums.add(row, start..<end, channels: 4)
                } else {
                    sums.add(row, start..<end, channels: 3)
                }
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

    @inline(__always)
    mutating func add<Sample: FixedWidthInteger & UnsignedInteger>(
        _ row: UnsafePointer<Sample>, _ pixels: Range<Int>, channels: Int
    ) {
        var (red, green, blue): (UInt32, UInt32, UInt32) = (0, 0, 0)
        for x in pixels {
            red &+= UInt32(truncatingIfNeeded: row[x * channels])
            green &+= UInt32(truncatingIfNeeded: row[x * channels + 1])
            blue &+= UInt32(truncatingIfNeeded: row[x * channels + 2])
        }
        sums[0] += UInt64(red)
        sums[1] += UInt64(green)
        sums[2] += UInt64(blue)
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
