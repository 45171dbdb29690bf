/// Turns every level into its complement.
public struct Invert: Operation {
    public static let description = OperationDescription(
        "invert", family: .colour, summary: "Turns every level into its complement: 0 becomes the largest",
        matches: "cv2.bitwise_not, exactly; alpha is kept")

    public init(arguments: OperationArguments) {}

    public func outputShape(for input: ImageShape) -> ImageShape { input }
    public func kernel(for input: ImageShape) -> OperationKernel { .rows([InvertKernel(outputShape: input)]) }
}

private struct InvertKernel: TabulatedKernel {
    let outputShape: ImageShape

    var readsOnlyItsOwnRow: Bool { true }
    func inputRows(for rows: Range<Int>) -> Range<Int> { rows }

    func newLevel(of level: Int) -> Int { outputShape.format.depth.maximum - level }

    func apply(_ input: Band, to output: MutableBand) {
        switch outputShape.format.depth {
        case .eight: invert(input, output, UInt8.self)
        case .sixteen: invert(input, output, UInt16.self)
        }
    }

    private func invert<Sample: FixedWidthInteger & UnsignedInteger>(
        _ input: Band, _ output: MutableBand, _: Sample.Type
    ) {
        for y in output.rows {
            let source: UnsafePointer<Sample> = input.row(y)
            let target: UnsafeMutablePointer<Sample> = output.row(y)
            for index in 0..<outputShape.samplesPerRow { target[index] = ~source[index] }
            if outputShape.format.layout.hasAlpha {
                copyAlpha(
                    from: source, to: target, width: outputShape.width, channels: outputShape.format.channelCount)
            }
        }
    }
}
