/// A function of two levels at the same place.
protocol LevelPairing: Sendable {
    /// The new level; it is within the samples' range.
    func callAsFunction(_ first: Int32, _ second: Int32) -> Int32
}

/// Runs two chains of kernels on the same input and combines what they make, sample by sample; alpha is the input's.
///
///     input -> first chain  ---+
///       |                      +--> pairing -> output
///       +---> second chain  ---+
///
/// An empty chain is the input itself. The chains must keep the shape. Works through its rows in blocks,
/// so that what is kept between stays small; they are long enough that the halo is computed twice for few of the rows.
struct CombiningKernel<Pairing: LevelPairing>: RowKernel {
    let outputShape: ImageShape
    let first: [any RowKernel]
    let second: [any RowKernel]
    let pairing: Pairing

    func inputRows(for wanted: Range<Int>) -> Range<Int> {
        let (one, other) = (Self.inputRows(of: first, for: wanted), Self.inputRows(of: second, for: wanted))
        return min(one.lowerBound, other.lowerBound)..<max(one.upperBound, other.upperBound)
    }

    private static func inputRows(of chain: [any RowKernel], for wanted: Range<Int>) -> Range<Int> {
        chain.reversed().reduce(wanted) { $1.inputRows(for: $0) }
    }

    func apply(_ input: Band, to output: MutableBand) {
        let halo = inputRows(for: output.rows).count - output.rows.count
        let rowsPerBlock = max(4 * halo, 64)
        for start in stride(from: output.rows.lowerBound, to: output.rows.upperBound, by: rowsPerBlock) {
            let rows = start..<min(start + rowsPerBlock, output.rows.upperBound)
            let (one, other) = (Self.run(first, input, rows), Self.run(second, input, rows))
            // The bands are valid while their buffers live.
            withExtendedLifetime((one, other)) {
                let (left, right) = (one?.band ?? input, other?.band ?? input)
                switch outputShape.format.depth {
                case .eight: combine(left, right, input, output.slice(rows), UInt8.self)
                case .sixteen: combine(left, right, input, output.slice(rows), UInt16.self)
                }
            }
        }
    }

    /// The rows `wanted` as the chain makes them; `nil` when there is nothing to do.
    private static func run(_ chain: [any RowKernel], _ input: Band, _ wanted: Range<Int>) -> RowBuffer? {
        var current: RowBuffer?
        for (index, kernel) in chain.enumerated() {
            let rows = inputRows(of: Array(chain[(index + 1)...]), for: wanted)
            let next = RowBuffer(shape: kernel.outputShape, rows: rows)
            withExtendedLifetime(current) { kernel.apply(current?.band ?? input, to: next.mutableBand) }
            current = next
        }
        return current
    }

    private func combine<Sample: FixedWidthInteger & UnsignedInteger>(
        _ left: Band, _ right: Band, _ input: Band, _ output: MutableBand, _: Sample.Type
    ) {
        let format = outputShape.format
        for y in output.rows {
            let (one, other): (UnsafePointer<Sample>, UnsafePointer<Sample>) = (left.row(y), right.row(y))
            let target: UnsafeMutablePointer<Sample> = output.row(y)
            for i in 0..<outputShape.samplesPerRow {
                target[i] = Sample(
                    truncatingIfNeeded: pairing(Int32(truncatingIfNeeded: one[i]), Int32(truncatingIfNeeded: other[i])))
            }
            if format.layout.hasAlpha {
                copyAlpha(from: input.row(y), to: target, width: outputShape.width, channels: format.channelCount)
            }
        }
    }
}

/// The first level less the second, which is not larger.
struct Difference: LevelPairing {
    @inline(__always) func callAsFunction(_ first: Int32, _ second: Int32) -> Int32 { first &- second }
}
