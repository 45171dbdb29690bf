/// What `FourNeighbourKernel` makes of a pixel.
protocol FourNeighbourSum: Sendable {
    /// The new level of a pixel, not saturated.
    ///
    /// - Parameter neighbours: the sum of those above, below, to the left and to the right.
    static func level<Sum: FixedWidthInteger & SignedInteger>(of pixel: Sum, among neighbours: Sum) -> Sum
}

/// A function of each pixel and the sum of its four neighbours, saturated; alpha is kept.
struct FourNeighbourKernel<Function: FourNeighbourSum>: RowKernel {
    let outputShape: ImageShape

    func inputRows(for wanted: Range<Int>) -> Range<Int> { rows(wanted, widenedBy: 1, in: outputShape) }

    func apply(_ input: Band, to output: MutableBand) {
        switch outputShape.format.depth {
        case .eight: combine(input, output, UInt8.self, Int16.self)
        case .sixteen: combine(input, output, UInt16.self, Int32.self)
        }
    }

    private func combine<Sample: FixedWidthInteger & UnsignedInteger, Sum: FixedWidthInteger & SignedInteger>(
        _ input: Band, _ output: MutableBand, _: Sample.Type, _: Sum.Type
    ) {
        let channels = outputShape.format.channelCount
        let maximum = Sum(Sample.max)
        var ring = RowRing<Sample>(input, radius: 1, border: .reflect101, first: output.rows.lowerBound)
        defer { ring.deallocate() }
        for y in output.rows {
            ring.move(to: y)
            let (above, centre, below) = (ring.row(-1), ring.row(0), ring.row(1))
            let target: UnsafeMutablePointer<Sample> = output.row(y)
            for i in 0..<outputShape.samplesPerRow {
                let around =
                    Sum(truncatingIfNeeded: above[i]) &+ Sum(truncatingIfNeeded: below[i])
                    &+ Sum(truncatingIfNeeded: centre[i - channels]) &+ Sum(truncatingIfNeeded: centre[i + channels])
                let level = Function.level(of: Sum(truncatingIfNeeded: centre[i]), among: around)
                target[i] = Sample(truncatingIfNeeded: min(max(level, 0), maximum))
            }
            if outputShape.format.layout.hasAlpha {
                copyAlpha(from: centre, to: target, width: outputShape.width, channels: channels)
            }
        }
    }
}
