/// Stretches from the darkest to the brightest level, which are found without counting all of them.
///
/// A summary and the value are the two levels, each as a little-endian `UInt16`; alpha does not count.
struct ExtremesStretchKernel: WholeImageKernel {
    let shape: ImageShape

    var prelude: [any RowKernel] { [] }
    var outputShape: ImageShape { shape }
    var summarisedShape: ImageShape { shape }
    var finishesRowByRow: Bool { true }

    func summarise(_ rows: Band) -> [UInt8] {
        switch shape.format.depth {
        case .eight: extremes(rows, UInt8.self)
        case .sixteen: extremes(rows, UInt16.self)
        }
    }

    private func extremes<Sample: FixedWidthInteger & UnsignedInteger>(_ rows: Band, _: Sample.Type) -> [UInt8] {
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

    func combine(_ summaries: [[UInt8]]) throws(PipelineError) -> [UInt8] {
        var (darkest, brightest) = (UInt16.max, UInt16.min)
        for summary in summaries {
            let levels = try StretchMap(summary, depth: shape.format.depth)
            darkest = min(darkest, UInt16(levels.black))
            brightest = max(brightest, UInt16(levels.white))
        }
        return Self.bytes(darkest: darkest, brightest: brightest)
    }

    func resolve(_ summaries: [[UInt8]]) throws(PipelineError) -> [[UInt8]] {
        Array(repeating: try combine(summaries), count: summaries.count)
    }

    func refine(_ value: [UInt8], strips summaries: [[UInt8]]) -> [[UInt8]] {
        Array(repeating: value, count: summaries.count)
    }

    func finish(_ input: Band, value: [UInt8], to output: MutableBand) throws(PipelineError) {
        try StretchMap(value, depth: shape.format.depth).apply(input, to: output)
    }

    private static func bytes(darkest: UInt16, brightest: UInt16) -> [UInt8] {
        var writer = ByteWriter()
        writer.write(darkest)
        writer.write(brightest)
        return writer.bytes
    }
}
