import Pipelines

/// A function of a sample's level.
protocol LevelMap: Sendable {
    /// The new level, from 0 to `depth.maximum`, of `level`.
    func callAsFunction(_ level: Int, depth: SampleDepth) -> Int

    /// A line that the function might be, once it is rounded and saturated. It is believed only where it is true.
    func line(depth: SampleDepth) -> LevelLine?

    /// The new levels of all levels. Requirements with a default, so that each conforming type gets a loop of its own.
    func table(_: UInt8.Type) -> [UInt8]
    func table(_: UInt16.Type) -> [UInt16]
}

extension RowKernelProviding where Self: LevelMap {
    func kernel(for step: RowStep) -> any RowKernel { LookupKernel(step.output, self) }
}

extension LevelMap {
    func line(depth: SampleDepth) -> LevelLine? { nil }

    func table(_: UInt8.Type) -> [UInt8] { tabulated(depth: .eight) }
    func table(_: UInt16.Type) -> [UInt16] { tabulated(depth: .sixteen) }

    @inline(__always)
    private func tabulated<Sample: FixedWidthInteger & UnsignedInteger>(depth: SampleDepth) -> [Sample] {
        Array(unsafeUninitializedCapacity: depth.maximum + 1) { table, count in
            for level in 0...Int32(truncatingIfNeeded: depth.maximum) {
                let new = self(Int(level), depth: depth)
                table.initializeElement(at: Int(level), to: Sample(truncatingIfNeeded: new))
            }
            count = depth.maximum + 1
        }
    }
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

/// A `LevelLine` in the precision in which rows are computed.
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
    @_specialize(where Sample == UInt8)
    @_specialize(where Sample == UInt16)
    func makes<Sample: FixedWidthInteger & UnsignedInteger>(_ table: [Sample], from first: Int32) -> Bool {
        let largest = Int32(truncatingIfNeeded: Sample.max)
        let last = first + Int32(truncatingIfNeeded: table.count - 1)
        guard max(value(first).magnitude, value(last).magnitude) < 0x1p22 else { return false }
        // Without branches, so that a vector is checked at a time.
        var differences: Int32 = 0
        for index in table.indices {
            let level = level(first &+ Int32(truncatingIfNeeded: index), upTo: largest)
            differences |= level ^ Int32(truncatingIfNeeded: table[index])
        }
        return differences == 0
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

    func newLevel(of level: Int) -> Int { map(level, depth: outputShape.format.depth) }

    func apply(_ input: RowsView, to output: MutableRowsView) {
        switch outputShape.format.depth {
        case .eight: replace(input, output, map.table(UInt8.self))
        case .sixteen where output.rows.count * outputShape.samplesPerRow < 65536: compute(input, output)
        case .sixteen: replace(input, output, map.table(UInt16.self))
        }
    }

    private func replace<Sample: FixedWidthInteger & UnsignedInteger>(
        _ input: RowsView, _ output: MutableRowsView, _ table: [Sample]
    ) {
        if let line = map.line(depth: outputShape.format.depth)?.verified(by: table) {
            follow(line, input, output, Sample.self)
        } else {
            lookUp(input, output, table)
        }
    }

    private func compute(_ input: RowsView, _ output: MutableRowsView) {
        replaceRows(input, output) { (source: UnsafePointer<UInt16>, target, count) in
            for index in 0..<count { target[index] = UInt16(map(Int(source[index]), depth: .sixteen)) }
        }
    }
}

/// `double` rounded to the nearest integer, ties to even, and saturated to the levels of `depth`.
func saturated(_ double: Double, _ depth: SampleDepth) -> Int {
    Int(rounded(double, upTo: Double(depth.maximum)))
}

/// Replaces each sample but alpha by its entry in `table`, which has one for each value of a sample.
@_specialize(where Sample == UInt8)
@_specialize(where Sample == UInt16)
func lookUp<Sample: FixedWidthInteger & UnsignedInteger>(
    _ input: RowsView, _ output: MutableRowsView, _ table: [Sample]
) {
    if let levels = table as? [UInt8] { return lookUp(input, output, ByteTable(levels)) }
    table.withUnsafeBufferPointer { table in
        replaceRows(input, output) { (source: UnsafePointer<Sample>, target, count) in
            for index in 0..<count { target[index] = table[Int(source[index])] }
        }
    }
}

/// Overload for a table that is ready for look-ups.
func lookUp(_ input: RowsView, _ output: MutableRowsView, _ table: ByteTable) {
    replaceRows(input, output) { table.lookUp($0, into: $1, $2) }
}

/// Replaces each sample but alpha by the level of a line, which is faster than looking it up.
@_specialize(where Sample == UInt8)
@_specialize(where Sample == UInt16)
private func follow<Sample: FixedWidthInteger & UnsignedInteger>(
    _ line: SingleLine, _ input: RowsView, _ output: MutableRowsView, _: Sample.Type
) {
    let largest = Int32(truncatingIfNeeded: Sample.max)
    replaceRows(input, output) { (source: UnsafePointer<Sample>, target, count) in
        for index in 0..<count {
            let level = line.level(Int32(truncatingIfNeeded: source[index]), upTo: largest)
            target[index] = Sample(truncatingIfNeeded: level)
        }
    }
}

/// Replaces the samples of each row but alpha by what `replace` makes of them.
@inline(__always)
private func replaceRows<Sample: FixedWidthInteger & UnsignedInteger>(
    _ input: RowsView, _ output: MutableRowsView,
    _ replace: (_ source: UnsafePointer<Sample>, _ target: UnsafeMutablePointer<Sample>, _ count: Int) -> Void
) {
    let shape = output.shape
    for y in output.rows {
        let source: UnsafePointer<Sample> = input.row(y)
        let target: UnsafeMutablePointer<Sample> = output.row(y)
        replace(source, target, shape.samplesPerRow)
        if shape.format.layout.hasAlpha {
            copyAlpha(from: source, to: target, width: shape.width, channels: shape.format.channelCount)
        }
    }
}
