import ByteCoding
import Pipelines

/// Stretches from the darkest to the brightest level, which are found without counting all of them.
///
/// A summary and the value are the two levels, each as a little-endian `UInt16`; alpha does not count.
struct ExtremesStretchKernel: WholeImageKernel {
    let shape: ImageShape

    var outputShape: ImageShape { shape }

    func aggregate(_ rows: RowsView) -> [UInt8] {
        switch shape.format.depth {
        case .eight: extremes(rows, UInt8.self)
        case .sixteen: extremes(rows, UInt16.self)
        }
    }

    private func extremes<Sample: FixedWidthInteger & UnsignedInteger>(_ rows: RowsView, _: Sample.Type) -> [UInt8] {
        let channels = shape.format.channelCount
        var (darkest, brightest) = (Sample.max, Sample.min)
        for y in rows.rows {
            let row: UnsafePointer<Sample> = rows.row(y)
            if shape.format.layout.hasAlpha {
                for x in 0..<shape.width {
                    for i in x * channels..<x * channels + channels - 1 {
                        darkest = min(darkest, row[i])
                        brightest = max(brightest, row[i])
                    }
                }
            } else {
                for i in 0..<shape.samplesPerRow {
                    darkest = min(darkest, row[i])
                    brightest = max(brightest, row[i])
                }
            }
        }
        return Self.bytes(darkest: UInt16(darkest), brightest: UInt16(brightest))
    }

    func merge(_ partials: [[UInt8]]) throws(PipelineError) -> [UInt8] {
        var (darkest, brightest) = (UInt16.max, UInt16.min)
        for summary in partials {
            let levels = try StretchMap(summary, depth: shape.format.depth)
            darkest = min(darkest, UInt16(levels.black))
            brightest = max(brightest, UInt16(levels.white))
        }
        return Self.bytes(darkest: darkest, brightest: brightest)
    }

    func finalize(_ partials: [[UInt8]]) throws(PipelineError) -> [[UInt8]] {
        Array(repeating: try merge(partials), count: partials.count)
    }

    func refine(_ value: [UInt8], strips partials: [[UInt8]]) -> [[UInt8]] {
        Array(repeating: value, count: partials.count)
    }

    func apply(_ value: [UInt8], to input: RowsView, into output: MutableRowsView) throws(PipelineError) {
        try StretchMap(value, depth: shape.format.depth).apply(input, to: output)
    }

    private static func bytes(darkest: UInt16, brightest: UInt16) -> [UInt8] {
        var writer = BinaryWriter()
        writer.write(darkest)
        writer.write(brightest)
        return writer.bytes
    }
}
