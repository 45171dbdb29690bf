/// The absolute value of the second derivatives' sum.
public struct Laplacian: Operation {
    public static let description = OperationDescription(
        "laplacian", family: .edges,
        summary: "The absolute sum of the second derivatives, saturated, each channel by itself",
        parameters: [
            ParameterDescription(
                "size", "the side of the window; 1 is the 3 x 3 window with four neighbours", .oddInteger(1...7),
                default: .integer(1), unit: "pixels"),
            Padding.parameter,
        ],
        border: .reflect101,
        matches:
            "cv2.Laplacian, then the absolute value, exactly at 8 bits and up to size 5; at 16 bits and size 7 OpenCV "
            + "adds in single precision and may be 1 level off")

    private let size: Int
    private let border: Padding

    public init(arguments: OperationArguments) {
        size = arguments.integer("size")
        border = arguments.choice("border")
    }

    public func outputShape(for input: ImageShape) -> ImageShape { input }

    public func kernel(for input: ImageShape) -> OperationKernel {
        if size == 1 { return .rows([border.applied(to: input) { FourNeighbourKernel(outputShape: $0) }]) }
        // [1 -2 1] over [1 2 1] and the reverse, added: 2 0 2 / 0 -8 0 / 2 0 2 at size 3.
        return .rows([
            border.applied(to: input) {
                DerivativeKernel(
                    outputShape: $0, primary: DerivativeTaps.taps(order: 2, size: size),
                    secondary: DerivativeTaps.taps(order: 0, size: size), combination: .absoluteSum)
            }
        ])
    }
}

/// |left + right + above + below - 4 times the pixel|, saturated.
private struct FourNeighbourKernel: RowKernel {
    let outputShape: ImageShape

    func inputRows(for wanted: Range<Int>) -> Range<Int> { rows(wanted, widenedBy: 1, in: outputShape) }

    func apply(_ input: Band, to output: MutableBand) {
        switch outputShape.format.depth {
        case .eight: derive(input, output, UInt8.self, Int16.self)
        case .sixteen: derive(input, output, UInt16.self, Int32.self)
        }
    }

    private func derive<Sample: FixedWidthInteger & UnsignedInteger, Sum: FixedWidthInteger & SignedInteger>(
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
                let value = around &- 4 &* Sum(truncatingIfNeeded: centre[i])
                target[i] = Sample(truncatingIfNeeded: min(max(value, 0 &- value), maximum))
            }
            if outputShape.format.layout.hasAlpha {
                copyAlpha(from: centre, to: target, width: outputShape.width, channels: channels)
            }
        }
    }
}
