import ByteCoding
import Pipelines

extension Equalization: WholeImageKernelProviding {
    func kernel(for step: WholeImageStep) -> any WholeImageKernel { EqualizeKernel(shape: step.output) }
}

/// The value is the table of new levels: a byte each, or a little-endian `UInt16` each.
private struct EqualizeKernel: WholeImageKernel {
    let shape: ImageShape

    var outputShape: ImageShape { shape }

    func aggregate(_ rows: RowsView) -> [UInt8] {
        var histogram = LevelHistogram(depth: shape.format.depth)
        if shape.format.layout.isColor { histogram.count(lumaOf: rows) } else { histogram.count(gray: rows) }
        return histogram.bytes
    }

    func merge(_ partials: [[UInt8]]) throws(PipelineError) -> [UInt8] {
        try LevelHistogram(adding: partials, depth: shape.format.depth, name: "equalize").bytes
    }

    func finalize(_ partials: [[UInt8]]) throws(PipelineError) -> [[UInt8]] {
        let histogram = try LevelHistogram(adding: partials, depth: shape.format.depth, name: "equalize")
        var writer = BinaryWriter()
        for level in histogram.equalizedLevels {
            if shape.format.depth == .eight { writer.write(UInt8(level)) } else { writer.write(UInt16(level)) }
        }
        return Array(repeating: writer.bytes, count: partials.count)
    }

    func refine(_ value: [UInt8], strips partials: [[UInt8]]) -> [[UInt8]] {
        Array(repeating: value, count: partials.count)
    }

    func apply(_ value: [UInt8], to input: RowsView, into output: MutableRowsView) throws(PipelineError) {
        switch shape.format.depth {
        case .eight: replace(input, output, try table(value, UInt8.self))
        case .sixteen: replace(input, output, try table(value, UInt16.self))
        }
    }

    private func table<Sample: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
        _ value: [UInt8], _: Sample.Type
    ) throws(PipelineError) -> [Sample] {
        let byteCount = (shape.format.depth.maximum + 1) * shape.format.depth.byteCount
        guard value.count == byteCount else {
            throw PartialReader(value, name: "a value of equalize")
                .refused("it has \(value.count) bytes instead of \(byteCount)")
        }
        return value.withUnsafeBytes { raw in
            (0...shape.format.depth.maximum).map { level in
                Sample(littleEndian: raw.loadUnaligned(fromByteOffset: level * Sample.bitWidth / 8, as: Sample.self))
            }
        }
    }

    private func replace<Sample: FixedWidthInteger & UnsignedInteger>(
        _ input: RowsView, _ output: MutableRowsView, _ table: [Sample]
    ) {
        guard shape.format.layout.isColor else { return lookUp(input, output, table) }
        let channels = shape.format.channelCount
        let levels = UnsafeMutablePointer<Sample>.allocate(capacity: Self.pixelsPerBlock)
        let changes = UnsafeMutablePointer<Int32>.allocate(capacity: Self.pixelsPerBlock)
        defer {
            levels.deallocate()
            changes.deallocate()
        }
        table.withUnsafeBufferPointer { table in
            for y in output.rows {
                for first in stride(from: 0, to: shape.width, by: Self.pixelsPerBlock) {
                    let count = min(Self.pixelsPerBlock, shape.width - first)
                    let pixels = input.row(y, as: Sample.self) + channels * first
                    lumas(of: pixels, channels: channels, count: count, to: levels)
                    for x in 0..<count { changes[x] = Int32(table[Int(levels[x])]) - Int32(levels[x]) }
                    add(changes, to: pixels, count, into: output.row(y, as: Sample.self) + channels * first)
                }
            }
        }
    }

    private static var pixelsPerBlock: Int { 512 }

    /// Adds to each colour its pixel's change, saturated.
    @inline(__always)
    private func add<Sample: FixedWidthInteger & UnsignedInteger>(
        _ changes: UnsafePointer<Int32>, to pixels: UnsafePointer<Sample>, _ count: Int,
        into target: UnsafeMutablePointer<Sample>
    ) {
        let maximum = Int32(Sample.max)
        func changed(_ level: Sample, _ x: Int) -> Sample {
            Sample(truncatingIfNeeded: min(max(Int32(level) + changes[x], 0), maximum))
        }
        if shape.format.channelCount == 3 {
            for x in 0..<count {
                let red = changed(pixels[3 * x], x)
                let green = changed(pixels[3 * x + 1], x)
                let blue = changed(pixels[3 * x + 2], x)
                (target[3 * x], target[3 * x + 1], target[3 * x + 2]) = (red, green, blue)
            }
        } else {
            for x in 0..<count {
                let red = changed(pixels[4 * x], x)
                let green = changed(pixels[4 * x + 1], x)
                let blue = changed(pixels[4 * x + 2], x)
                let alpha = pixels[4 * x + 3]
                (target[4 * x], target[4 * x + 1], target[4 * x + 2], target[4 * x + 3]) = (red, green, blue, alpha)
            }
        }
    }
}

extension LevelHistogram {
    /// The new level of each level: pixels that are at most as bright, the darkest apart, scaled to the largest level.
    /// An image of one level stays as it is.
    ///
    /// In OpenCV's single precision at 8 bits, in double precision at 16; ties to even.
    var equalizedLevels: [Int] {
        let total = counts.reduce(0, +)
        let darkest = counts.firstIndex { $0 > 0 } ?? 0
        guard counts[darkest] < total else { return Array(counts.indices) }
        let depth: SampleDepth = counts.count == 256 ? .eight : .sixteen
        let spread = total - counts[darkest]
        let single = 255 / Float(spread)
        let double = Double(depth.maximum) / Double(spread)
        var levels = Array(repeating: 0, count: counts.count)
        var sum: UInt64 = 0
        for level in darkest + 1..<counts.count {
            sum += counts[level]
            levels[level] = saturated(depth == .eight ? Double(Float(sum) * single) : Double(sum) * double, depth)
        }
        return levels
    }
}
