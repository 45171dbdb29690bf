import Pipelines

/// A function of two levels at the same place.
///
/// The loops over a row are requirements with a default, so that each conforming type gets loops of its own, in which the
/// function is inlined; a generic kernel behind `any RowKernel` would call it sample by sample.
protocol LevelPairing: Pairing {
    /// The new level; it is within the samples' range.
    func callAsFunction(_ first: Int32, _ second: Int32) -> Int32

    func combine(
        _ first: UnsafePointer<UInt8>, _ second: UnsafePointer<UInt8>, into target: UnsafeMutablePointer<UInt8>,
        _ count: Int)
    func combine(
        _ first: UnsafePointer<UInt16>, _ second: UnsafePointer<UInt16>, into target: UnsafeMutablePointer<UInt16>,
        _ count: Int)
}

extension LevelPairing {
    func combine(
        _ first: UnsafePointer<UInt8>, _ second: UnsafePointer<UInt8>, into target: UnsafeMutablePointer<UInt8>,
        _ count: Int
    ) {
        for i in 0..<count { target[i] = UInt8(truncatingIfNeeded: self(Int32(first[i]), Int32(second[i]))) }
    }

    func combine(
        _ first: UnsafePointer<UInt16>, _ second: UnsafePointer<UInt16>, into target: UnsafeMutablePointer<UInt16>,
        _ count: Int
    ) {
        for i in 0..<count { target[i] = UInt16(truncatingIfNeeded: self(Int32(first[i]), Int32(second[i]))) }
    }
}

extension Combination: RowKernelProviding {
    func kernel(for step: RowStep) -> any RowKernel {
        guard let pairing = pairing as? any LevelPairing else {
            fatalError("\(type(of: self.pairing)) has no code")
        }
        return CombiningKernel(
            step: step, first: RowStep.chain(first, of: step.input).map { PreparedStep($0) },
            second: RowStep.chain(second, of: step.input).map { PreparedStep($0) }, pairing: pairing)
    }
}

/// Runs two chains of kernels on the same input and combines what they make: see `Combination`.
///
/// Works through its rows in blocks, so that what is kept between stays small; they are long enough that the halo is computed
/// twice for few of the rows.
struct CombiningKernel: RowKernel {
    let step: RowStep
    let first: [PreparedStep]
    let second: [PreparedStep]
    let pairing: any LevelPairing

    var outputShape: ImageShape { step.output }

    func apply(_ input: RowsView, to output: MutableRowsView) {
        // Of a row in the middle, where the image's edges cut off least.
        let middle = outputShape.height / 2
        let halo = step.inputRows(for: middle..<middle + 1).count - 1
        let rowsPerBlock = max(4 * halo, 64)
        for start in stride(from: output.rows.lowerBound, to: output.rows.upperBound, by: rowsPerBlock) {
            let rows = start..<min(start + rowsPerBlock, output.rows.upperBound)
            let (one, other) = (Self.run(first, input, rows), Self.run(second, input, rows))
            // The bands are valid while their buffers live.
            withExtendedLifetime((one, other)) {
                let (left, right) = (one?.view ?? input, other?.view ?? input)
                for y in rows {
                    switch outputShape.format.depth {
                    case .eight:
                        let target: UnsafeMutablePointer<UInt8> = output.row(y)
                        pairing.combine(left.row(y), right.row(y), into: target, outputShape.samplesPerRow)
                        copyAlphaIfAny(from: input.row(y), to: target)
                    case .sixteen:
                        let target: UnsafeMutablePointer<UInt16> = output.row(y)
                        pairing.combine(left.row(y), right.row(y), into: target, outputShape.samplesPerRow)
                        copyAlphaIfAny(from: input.row(y), to: target)
                    }
                }
            }
        }
    }

    /// The rows `wanted` as the chain makes them; `nil` when there is nothing to do.
    private static func run(_ chain: [PreparedStep], _ input: RowsView, _ wanted: Range<Int>) -> RowBuffer? {
        var current: RowBuffer?
        for (index, prepared) in chain.enumerated() {
            let rows = chain[(index + 1)...].map(\.step).inputRows(for: wanted)
            let next = RowBuffer(shape: prepared.step.output, rows: rows)
            withExtendedLifetime(current) { prepared.kernel.apply(current?.view ?? input, to: next.mutableView) }
            current = next
        }
        return current
    }

    private func copyAlphaIfAny<Sample: FixedWidthInteger & UnsignedInteger>(
        from row: UnsafePointer<Sample>, to target: UnsafeMutablePointer<Sample>
    ) {
        guard outputShape.format.layout.hasAlpha else { return }
        copyAlpha(from: row, to: target, width: outputShape.width, channels: outputShape.format.channelCount)
    }
}

extension Difference: LevelPairing {
    @inline(__always) func callAsFunction(_ first: Int32, _ second: Int32) -> Int32 { max(first &- second, 0) }
}
