import Pipelines

/// A function of a pixel and the sum of its four neighbours.
///
/// The loops over a row are requirements with a default, so that each conforming type gets loops of its own, in which the
/// function is inlined; a generic kernel behind `any RowKernel` would call it sample by sample.
protocol FourNeighborFunction: Sendable {
    /// The new level of a pixel, not saturated.
    ///
    /// - Parameter neighbours: the sum of those above, below, to the left and to the right.
    func level<Sum: FixedWidthInteger & SignedInteger>(of pixel: Sum, among neighbors: Sum) -> Sum

    func replace(_ rows: FourNeighborRows<UInt8>, into target: UnsafeMutablePointer<UInt8>, count: Int)
    func replace(_ rows: FourNeighborRows<UInt16>, into target: UnsafeMutablePointer<UInt16>, count: Int)
}

/// A row, with a pixel more at either end, and those around it.
struct FourNeighborRows<Sample> {
    let above: UnsafePointer<Sample>
    let center: UnsafePointer<Sample>
    let below: UnsafePointer<Sample>
    let channels: Int
}

extension RowKernelProviding where Self: FourNeighborFunction {
    func kernel(for step: RowStep) -> any RowKernel { FourNeighborKernel(outputShape: step.output, function: self) }
}

extension FourNeighborFunction {
    func replace(_ rows: FourNeighborRows<UInt8>, into target: UnsafeMutablePointer<UInt8>, count: Int) {
        replaceSamples(rows, into: target, count: count, Int16.self)
    }

    func replace(_ rows: FourNeighborRows<UInt16>, into target: UnsafeMutablePointer<UInt16>, count: Int) {
        replaceSamples(rows, into: target, count: count, Int32.self)
    }

    @inline(__always)
    private func replaceSamples<
        Sample: FixedWidthInteger & UnsignedInteger, Sum: FixedWidthInteger & SignedInteger
    >(_ rows: FourNeighborRows<Sample>, into target: UnsafeMutablePointer<Sample>, count: Int, _: Sum.Type) {
        let (above, center, below, channels) = (rows.above, rows.center, rows.below, rows.channels)
        let maximum = Sum(Sample.max)
        for i in 0..<count {
            let around =
                Sum(truncatingIfNeeded: above[i]) &+ Sum(truncatingIfNeeded: below[i])
                &+ Sum(truncatingIfNeeded: center[i - channels]) &+ Sum(truncatingIfNeeded: center[i + channels])
            let level = level(of: Sum(truncatingIfNeeded: center[i]), among: around)
            target[i] = Sample(truncatingIfNeeded: min(max(level, 0), maximum))
        }
    }
}

/// Applies a function of four neighbours, saturated; alpha is kept.
struct FourNeighborKernel: RowKernel {
    let outputShape: ImageShape
    let function: any FourNeighborFunction

    func apply(_ input: RowsView, to output: MutableRowsView) {
        switch outputShape.format.depth {
        case .eight:
            replace(input, output) { (rows: FourNeighborRows<UInt8>, target) in
                function.replace(rows, into: target, count: outputShape.samplesPerRow)
            }
        case .sixteen:
            replace(input, output) { (rows: FourNeighborRows<UInt16>, target) in
                function.replace(rows, into: target, count: outputShape.samplesPerRow)
            }
        }
    }

    private func replace<Sample: FixedWidthInteger & UnsignedInteger>(
        _ input: RowsView, _ output: MutableRowsView,
        row: (FourNeighborRows<Sample>, UnsafeMutablePointer<Sample>) -> Void
    ) {
        let channels = outputShape.format.channelCount
        var ring = RowRing<Sample>(input, radius: 1, border: .reflect101, first: output.rows.lowerBound)
        defer { ring.deallocate() }
        for y in output.rows {
            ring.move(to: y)
            let rows = FourNeighborRows(
                above: ring.row(-1), center: ring.row(0), below: ring.row(1), channels: channels)
            let target: UnsafeMutablePointer<Sample> = output.row(y)
            row(rows, target)
            if outputShape.format.layout.hasAlpha {
                copyAlpha(from: rows.center, to: target, width: outputShape.width, channels: channels)
            }
        }
    }
}
