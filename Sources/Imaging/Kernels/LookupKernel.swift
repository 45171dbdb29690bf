/// A function of a sample's level.
protocol LevelMap: Sendable {
    /// The new level, from 0 to `depth.maximum`, of `level`.
    func callAsFunction(_ level: Int, depth: SampleDepth) -> Int

    /// A line that the function might be, once it is rounded and saturated. It is believed only where it is true.
    func line(depth: SampleDepth) -> LevelLine?
}

extension LevelMap {
    func line(depth: SampleDepth) -> LevelLine? { nil }
}

/// `factor * level + offset`.
struct LevelLine: Hashable, Sendable {
    let factor: Double
    let offset: Double

    /// The single precision line that makes the levels of `table`, each at its index, when it is rounded and saturated; `nil`
    /// when this one does not make all of them.
    func verified<Sample: FixedWidthInteger & UnsignedInteger>(by table: [Sample]) -> SingleLine? {
        SingleLine.ways(factor: Float(factor), offset: Float(offset)).first { $0.makes(table, from: 0) }
    }
}

/// As `LevelLine`, in the precision in which rows are computed.
struct SingleLine {
    let factor: Float
    let offset: Float
    /// Whether product and sum are rounded once, together.
    let isFused: Bool

    /// The same line with one and with two roundings. Where processors may lack the instruction, one is too slow.
    static func ways(factor: Float, offset: Float) -> [SingleLine] {
        let plain = SingleLine(factor: factor, offset: offset, isFused: false)
        #if TESSERA_X86_64_V3 || arch(arm64)
            return [plain, SingleLine(factor: factor, offset: offset, isFused: true)]
        #else
            return [plain]
        #endif
    }

    @inline(__always) private func value(_ level: Int32) -> Float {
        isFused ? offset.addingProduct(factor, Float(level)) : factor * Float(level) + offset
    }

    /// Right where `makes` said so.
    @inline(__always) func level(_ level: Int32, upTo largest: Int32) -> Int32 {
        roundedLevel(value(level), upTo: largest)
    }

    /// Whether it makes the levels of `table` of the integers from `first` on.
    func makes<Sample: FixedWidthInteger & UnsignedInteger>(_ table: [Sample], from first: Int32) -> Bool {
        let largest = Int32(truncatingIfNeeded: Sample.max)
        return table.indices.allSatisfy { index in
            let integer = first + Int32(truncatingIfNeeded: index)
            return value(integer).magnitude < 0x1p22
                && level(integer, upTo: largest) == Int32(truncatingIfNeeded: table[index])
        }
    }
}

/// Replaces each sample but alpha by a function of it, by way of a table unless that has more entries than there are
/// samples.
struct LookupKernel<Map: LevelMap>: TableKernel {
    let outputShape: ImageShape
    let map: Map

    init(_ shape: ImageShape, _ map: Map) {
        outputShape = shape
        self.map = map
    }

    var readsOnlyItsOwnRow: Bool { true }
    func inputRows(for rows: Range<Int>) -> Range<Int> { rows }

    func newLevel(of level: Int) -> Int { map(level, depth: outputShape.format.depth) }

    func apply(_ input: Band, to output: MutableBand) {
        switch outputShape.format.depth {
        case .eight: replace(input, output, (0...255).map { UInt8(map($0, depth: .eight)) })
        case .sixteen where output.rows.count * outputShape.samplesPerRow < 65536: compute(input, output)
        case .sixteen: replace(input, output, (0...65535).map { UInt16(map($0, depth: .sixteen)) })
        }
    }

    private func replace<Sample: FixedWidthInteger & UnsignedInteger>(
        _ input: Band, _ output: MutableBand, _ table: [Sample]
    ) {
        if let line = map.line(depth: outputShape.format.depth)?.verified(by: table) {
            follow(line, input, output, Sample.self)
        } else {
            lookUp(input, output, table)
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

/// Replaces each sample but alpha by the level of a line, which is faster than looking it up.
@_specialize(where Sample == UInt8)
@_specialize(where Sample == UInt16)
private func follow<Sample: FixedWidthInteger & UnsignedInteger>(
    _ line: SingleLine, _ input: Band, _ output: MutableBand, _: Sample.Type
) {
    let shape = output.shape
    let largest = Int32(truncatingIfNeeded: Sample.max)
    for y in output.rows {
        let source: UnsafePointer<Sample> = input.row(y)
        let target: UnsafeMutablePointer<Sample> = output.row(y)
        for index in 0..<shape.samplesPerRow {
            let level = line.level(Int32(truncatingIfNeeded: source[index]), upTo: largest)
            target[index] = Sample(truncatingIfNeeded: level)
        }
        if shape.format.layout.hasAlpha {
            copyAlpha(from: source, to: target, width: shape.width, channels: shape.format.channelCount)
        }
    }
}
