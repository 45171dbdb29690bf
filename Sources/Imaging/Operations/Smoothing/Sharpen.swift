/// Sharpens by the smallest Laplacian.
public struct Sharpen: Operation {
    public static let description = OperationDescription(
        "sharpen", family: .smoothing, summary: "Convolves with 0 -1 0 / -1 5 -1 / 0 -1 0, saturated",
        border: .reflect101, matches: "cv2.filter2D with that kernel, exactly")

    public init(arguments: OperationArguments) {}

    public func outputShape(for input: ImageShape) -> ImageShape { input }
    public func kernel(for input: ImageShape) -> OperationKernel { .rows([SharpenKernel(outputShape: input)]) }
}

private struct SharpenKernel: RowKernel {
    let outputShape: ImageShape

    func inputRows(for wanted: Range<Int>) -> Range<Int> { rows(wanted, widenedBy: 1, in: outputShape) }

    func apply(_ input: Band, to output: MutableBand) {
        switch outputShape.format.depth {
        case .eight: sharpen(input, output, UInt8.self, Int16.self)
        case .sixteen: sharpen(input, output, UInt16.self, Int32.self)
        }
    }

    private func sharpen<Sample: FixedWidthInteger & UnsignedInteger, Sum: FixedWidthInteger & SignedInteger>(
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
                let value = 5 &* Sum(truncatingIfNeeded: centre[i]) &- around
                target[i] = Sample(truncatingIfNeeded: min(max(value, 0), maximum))
            }
            if outputShape.format.layout.hasAlpha {
                copyAlpha(from: centre, to: target, width: outputShape.width, channels: channels)
            }
        }
    }
}
