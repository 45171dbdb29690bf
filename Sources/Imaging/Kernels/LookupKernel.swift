/// A function of a sample's level.
protocol LevelMap: Sendable {
    /// The new level, from 0 to `depth.maximum`, of `level`.
    func callAsFunction(_ level: Int, depth: SampleDepth) -> Int
}

/// Replaces each sample but alpha by a function of it, by way of a table unless that has more entries than there are
/// samples.
struct LookupKernel<Map: LevelMap>: RowKernel {
    let outputShape: ImageShape
    let map: Map

    init(_ shape: ImageShape, _ map: Map) {
        outputShape = shape
        self.map = map
    }

    var readsOnlyItsOwnRow: Bool { true }
    func inputRows(for rows: Range<Int>) -> Range<Int> { rows }

    func apply(_ input: Band, to output: MutableBand) {
        switch outputShape.format.depth {
        case .eight: lookUp(input, output, (0...255).map { UInt8(map($0, depth: .eight)) })
        case .sixteen where output.rows.count * outputShape.samplesPerRow < 65536: compute(input, output)
        case .sixteen: lookUp(input, output, (0...65535).map { UInt16(map($0, depth: .sixteen)) })
        }
    }

    private func compute(_ input: Band, _ output: MutableBand) {
        for y in output.rows {
            let source: UnsafePointer<UInt16> = input.row(y)
            let target: UnsafeMutablePointer<UInt16> = output.row(y)
            for index in 0..<outputShape.samplesPerRow {
                target[index] = UInt16(map(Int(source[index]), depth: .sixteen))
            }
            if outputShape.format.layout.hasAlpha {
                copyAlpha(
                    from: source, to: target, width: outputShape.width, channels: outputShape.format.channelCount)
            }
        }
    }
}

/// `double` rounded to the nearest integer, ties to even, and saturated to the levels of `depth`.
func saturated(_ double: Double, _ depth: SampleDepth) -> Int {
    Int(min(max(double, 0), Double(depth.maximum)).rounded(.toNearestOrEven))
}

/// Replaces each sample but alpha by its entry in `table`, which has one for each value of a sample.
@_specialize(where Sample == UInt8)
@_specialize(where Sample == UInt16)
func lookUp<Sample: FixedWidthInteger & UnsignedInteger>(_ input: Band, _ output: MutableBand, _ table: [Sample]) {
    let shape = output.shape
    let channels = shape.format.channelCount
    let hasAlpha = shape.format.layout.hasAlpha
    table.withUnsafeBufferPointer { table in
        for y in output.rows {
            let source: UnsafePointer<Sample> = input.row(y)
            let target: UnsafeMutablePointer<Sample> = output.row(y)
            for index in 0..<shape.samplesPerRow { target[index] = table[Int(source[index])] }
            if hasAlpha { copyAlpha(from: source, to: target, width: shape.width, channels: channels) }
        }
    }
}
