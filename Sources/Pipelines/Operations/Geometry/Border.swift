/// Puts rows and columns of one colour around the image.
public struct Border: Operation {
    public static let description = OperationDescription(
        "border", family: .geometry,
        keywords: "pad padding frame margin copy-make-border extent letterbox canvas passe-partout surround",
        examples: ["border all=20 color=white", "border top=40 bottom=40 color=#202020 | resize max-width=320"],
        summary: "Puts rows and columns of one colour around the image",
        parameters: [
            ParameterDescription(
                "all", "on each side for which nothing else is given", .integer(0...ImageShape.largestResultSide),
                default: .integer(0), unit: "pixels"),
            side("top", "rows above"), side("right", "columns to the right"), side("bottom", "rows below"),
            side("left", "columns to the left"),
            ParameterDescription("color", "the colour; of a gray image, its luma", .color, default: .color(.black)),
        ],
        asksFor: ["all", "top", "right", "bottom", "left"],
        result: "the format of the input, larger by the border; where the image has alpha, the border has the colour's",
        matches: "cv2.copyMakeBorder with BORDER_CONSTANT, exactly")

    private static func side(_ name: String, _ what: String) -> ParameterDescription {
        ParameterDescription(
            name, "\(what); auto: as many as `all` says", .integer(0...ImageShape.largestResultSide), mayBeAuto: true,
            default: .auto, unit: "pixels")
    }

    private let top: Int
    private let right: Int
    private let bottom: Int
    private let left: Int
    private let color: PaintColor

    public init(arguments: OperationArguments) {
        let all = arguments.integer("all")
        top = arguments.integerUnlessAuto("top") ?? all
        right = arguments.integerUnlessAuto("right") ?? all
        bottom = arguments.integerUnlessAuto("bottom") ?? all
        left = arguments.integerUnlessAuto("left") ?? all
        color = arguments.color("color")
    }

    public func computation(for input: ImageShape) throws(PipelineError) -> OperationComputation {
        let framing = Framing(
            top: top, left: left, width: input.width + left + right, height: input.height + top + bottom, color: color)
        try ImageShape.checkResult(
            width: framing.width, height: framing.height, of: input, by: "border", advice: "choose a narrower border")
        return .rows(framing.outputShape(for: input) == input ? [] : [framing])
    }
}

/// The image within a larger one of one colour.
package struct Framing: RowComputation {
    /// Rows above the image, and columns to the left of it.
    package let top: Int
    package let left: Int
    let width: Int
    let height: Int
    package let color: PaintColor

    package func outputShape(for input: ImageShape) -> ImageShape {
        ImageShape(width: width, height: height, format: input.format)
    }

    /// Rows of the border need none; the nearest one stands for none.
    package func inputRows(for rows: Range<Int>, of input: ImageShape) -> Range<Int> {
        let first = min(max(rows.lowerBound - top, 0), input.height - 1)
        return first..<max(first + 1, min(rows.upperBound - top, input.height))
    }
}
