/// A function of a pixel and the sum of its four neighbours.
///
/// The loops over a row are requirements with a default, so that each conforming type gets loops of its own, in which the
/// function is inlined; a generic kernel behind `any RowKernel` would call it sample by sample.
protocol FourNeighbourFunction: Sendable {
    /// The new level of a pixel, not saturated.
    ///
    /// - Parameter neighbours: the sum of those above, below, to the left and to the right.
    func level<Sum: FixedWidthInteger & SignedInteger>(of pixel: Sum, among neighbours: Sum) -> Sum

    func replace(_ rows: FourNeighbourRows<UInt8>, into target: UnsafeMutablePointer<UInt8>, count: Int)
    func replace(_ rows: FourNeighbourRows<UInt16>, into target: UnsafeMutablePointer<UInt16>, count: Int)
}

/// A row, with a pixel more at either end, and those around it.
struct FourNeighbourRows<Sample> {
    let above: UnsafePointer<Sample>
    let centre: UnsafePointer<Sample>
    let below: UnsafePointer<Sample>
    let channels: Int
}

extension FourNeighbourFunction {
    func replace(_ rows: FourNeighbourRows<UInt8>, into target: UnsafeMutablePointer<UInt8>, count: Int) {
        replaceSamples(rows, into: target, count: count, Int16.self)
    }

    func replace(_ rows: FourNeighbourRows<UInt16>, into target: UnsafeMutablePointer<UInt16>, count: Int) {
        replaceSamples(rows, into: target, count: count, Int32.self)
    }

    @inline(__always)
    private func replaceSamples<
        Sample: FixedWidthInteger & UnsignedInteger, Sum: FixedWidthInteger & SignedInteger
    >(_ rows: FourNeighbourRows<Sample>, into target: UnsafeMutablePointer<Sample>, count: Int, _: Sum.Type) {
        let (above, centre, below, channels) = (rows.above, rows.centre, rows.below, rows.channels)
        let maximum = Sum(Sample.max)
        for i in 0..<count {
            let around =
                Sum(truncatingIfNeeded: above[i]) &+ Sum(truncatingIfNeeded: below[i])
                &+ Sum(truncatingIfNeeded: centre[i - channels]) &+ Sum(truncatingIfNeeded: centre[i + channels])
            let level = level(of: Sum(truncatingIfNeeded: centre[i]), among: around)
            target[i] = Sample(truncatingIfNeeded: min(max(level, 0), maximum))
        }
    }
}

/// Applies a function of four neighbours, saturated; alpha is kept.
struct FourNeighbourKernel: RowKernel {
    let outputShape: ImageShape
    let function: any FourNeighbourFunction

    func inputRows(for wanted: Range<Int>) -> Range<Int> { rows(wanted, widenedBy: 1, in: outputShape) }

    func apply(_ input: Band, to output: MutableBand) {
        switch outputShape.format.depth {
        case .eight:
            replace(input, output) { (rows: FourNeighbourRows<UInt8>, target) in
                function.replace(rows, into: target, count: outputShape.samplesPerRow)
            }
        case .sixteen:
            replace(input, output) { (rows: FourNeighbourRows<UInt16>, target) in
                function.replace(rows, into: target, count: outputShape.samplesPerRow)
            }
        }
    }

    private func replace<Sample: FixedWidthInteger & UnsignedInteger>(
        _ input: Band, _ output: MutableBand,
        row: (FourNeighbourRows<Sample>, UnsafeMutablePointer<Sample>) -> Void
    ) {
        let channels = outputShape.format.channelCount
        var ring = RowRing<Sample>(input, radius: 1, border: .reflect101, first: output.rows.lowerBound)
        defer { ring.deallocate() }
        for y in output.rows {
            ring.move(to: y)
            let rows = FourNeighbourRows(
                above: ring.row(-1), centre: ring.row(0), below: ring.row(1), channels: channels)
            let target: UnsafeMutablePointer<Sample> = output.row(y)
            row(rows, target)
            if outputShape.format.layout.hasAlpha {
                copyAlpha(from: rows.centre, to: target, width: outputShape.width, channels: channels)
            }
        }
    }
}
