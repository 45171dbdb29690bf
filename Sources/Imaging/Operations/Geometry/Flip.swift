/// Mirrors the image.
public struct Flip: Operation {
    public static let description = OperationDescription(
        "flip", family: .geometry, summary: "Mirrors the image, so that left becomes right",
        parameters: [
            ParameterDescription(
                "axis", "horizontal: every row is reversed", .choice(Axis.allCases.map(\.rawValue)),
                default: .word(Axis.horizontal.rawValue))
        ],
        result: "the format of the input; alpha is mirrored alike", matches: "cv2.flip with flipCode 1, exactly")

    enum Axis: String, CaseIterable {
        case horizontal
    }

    public init(arguments: OperationArguments) {}

    public func outputShape(for input: ImageShape) -> ImageShape { input }
    public func kernel(for input: ImageShape) -> OperationKernel { .rows([FlipKernel(outputShape: input)]) }
}

private struct FlipKernel: RowKernel {
    let outputShape: ImageShape

    var readsOnlyItsOwnRow: Bool { true }
    func inputRows(for rows: Range<Int>) -> Range<Int> { rows }

    func apply(_ input: Band, to output: MutableBand) {
        switch outputShape.format.depth {
        case .eight: reverse(input, output, UInt8.self)
        case .sixteen: reverse(input, output, UInt16.self)
        }
    }

    private func reverse<Sample: FixedWidthInteger & UnsignedInteger>(
        _ input: Band, _ output: MutableBand, _: Sample.Type
    ) {
        let channels = outputShape.format.channelCount
        for y in output.rows {
            let target: UnsafeMutablePointer<Sample> = output.row(y)
            let last: UnsafePointer<Sample> = input.row(y) + (outputShape.samplesPerRow - channels)
            if channels == 1 {
                for x in 0..<outputShape.width { target[x] = last[-x] }
                continue
            }
            for x in 0..<outputShape.width {
                for channel in 0..<channels { target[x * channels + channel] = last[channel - x * channels] }
            }
        }
    }
}
