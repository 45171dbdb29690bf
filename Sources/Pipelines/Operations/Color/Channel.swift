/// Takes one channel out of the image.
public struct Channel: Operation {
    public static let description = OperationDescription(
        "channel", family: .color,
        keywords: "extract-channel split channels red green blue alpha separate plane band mixchannels",
        examples: ["channel name=g", "channel name=r | equalize"],
        summary: "Takes one channel as a gray image; of a gray image, red, green and blue are its gray level",
        parameters: [
            ParameterDescription(
                "name", "red, green, blue, or alpha, which the image must have",
                .choice(Name.allCases.map(\.rawValue)), default: .word(Name.red.rawValue),
                synonyms: ["red": "r", "green": "g", "blue": "b", "alpha": "a"])
        ],
        result: "gray at the depth of the input, with its alpha unless alpha is the channel",
        matches: "cv2.extractChannel, exactly")

    package enum Name: String, CaseIterable, Sendable {
        case red = "r"
        case green = "g"
        case blue = "b"
        case alpha = "a"
    }

    private let name: Name

    public init(arguments: OperationArguments) { name = arguments.choice("name") }

    public func computation(for input: ImageShape) throws(PipelineError) -> OperationComputation {
        let format = input.format
        let index: Int
        switch (name, format.layout.isColor) {
        case (.alpha, _):
            guard format.layout.hasAlpha else {
                throw PipelineError(
                    .unsuitableImage,
                    "`channel name=a` needs an image with alpha, not \(input.format); take r, g or b, or leave it out")
            }
            index = format.channelCount - 1
        case (.green, true): index = 1
        case (.blue, true): index = 2
        case (.red, _), (.green, false), (.blue, false): index = 0
        }
        let extraction = ChannelExtraction(index: index, layout: name == .alpha ? .gray : format.layout.grayscale)
        return .rows(extraction.layout == format.layout ? [] : [extraction])
    }
}

/// Takes one channel as gray, with alpha if `layout` has it.
package struct ChannelExtraction: PointComputation {
    package let index: Int
    package let layout: ChannelLayout

    package func outputShape(for input: ImageShape) -> ImageShape { input.with(layout) }
}
