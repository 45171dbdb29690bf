/// Takes one channel out of the image.
public struct Channel: Operation {
    public static let description = OperationDescription(
        "channel", family: .colour,
        summary: "Takes one channel as a gray image; the three colours of a gray image are its gray",
        parameters: [
            ParameterDescription(
                "name", "red, green, blue, or alpha, which the image must have",
                .choice(Name.allCases.map(\.rawValue)), default: .word(Name.red.rawValue))
        ],
        result: "gray at the depth of the input, with its alpha unless that is what was asked for",
        matches: "cv2.extractChannel, exactly")

    enum Name: String, CaseIterable {
        case red = "r"
        case green = "g"
        case blue = "b"
        case alpha = "a"
    }

    private let name: Name

    public init(arguments: OperationArguments) { name = arguments.choice("name") }

    public func outputShape(for input: ImageShape) throws(PipelineError) -> ImageShape {
        if name == .alpha && !input.format.layout.hasAlpha {
            throw PipelineError(
                .unsuitableImage,
                "`channel name=a` needs an image with alpha, not \(input.format); take r, g or b, or leave it out")
        }
        return shape(from: input)
    }

    public func kernel(for input: ImageShape) -> OperationKernel {
        let format = input.format
        let index: Int
        switch (name, format.layout.isColour) {
        case (.alpha, _): index = format.channelCount - 1
        case (.green, true): index = 1
        case (.blue, true): index = 2
        case (.red, _), (.green, false), (.blue, false): index = 0
        }
        let output = shape(from: input)
        return .rows(output == input ? [] : [ChannelKernel(outputShape: output, channels: format.channelCount, index)])
    }

    private func shape(from input: ImageShape) -> ImageShape {
        var shape = input
        shape.format.layout = name == .alpha ? .gray : input.format.layout.grayscale
        return shape
    }
}

/// Copies one channel, and the last one after it where the output has alpha.
private struct ChannelKernel: RowKernel {
    let outputShape: ImageShape
    private let channels: Int
    private let index: Int

    init(outputShape: ImageShape, channels: Int, _ index: Int) {
        self.outputShape = outputShape
        self.channels = channels
        self.index = index
    }

    var readsOnlyItsOwnRow: Bool { true }
    func inputRows(for rows: Range<Int>) -> Range<Int> { rows }

    func apply(_ input: Band, to output: MutableBand) {
        switch outputShape.format.depth {
        case .eight: extract(input, output, UInt8.self)
        case .sixteen: extract(input, output, UInt16.self)
        }
    }

    private func extract<Sample: FixedWidthInteger & UnsignedInteger>(
        _ input: Band, _ output: MutableBand, _: Sample.Type
    ) {
        let width = outputShape.width
        for y in output.rows {
            let source: UnsafePointer<Sample> = input.row(y)
            let target: UnsafeMutablePointer<Sample> = output.row(y)
            if outputShape.format.layout.hasAlpha {
                for x in 0..<width {
                    target[2 * x] = source[channels * x + index]
                    target[2 * x + 1] = source[channels * x + channels - 1]
                }
            } else {
                for x in 0..<width { target[x] = source[channels * x + index] }
            }
        }
    }
}
