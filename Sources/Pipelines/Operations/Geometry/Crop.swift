/// Cuts a rectangle out of the image.
public struct Crop: Operation {
    public static let description = OperationDescription(
        "crop", family: .geometry,
        keywords: "cut trim clip region roi extract rectangle subimage slice",
        examples: ["crop x=20 y=10 width=200 height=150", "crop width=160 height=160 | resize scale=3"],
        summary: "Cuts a rectangle out of the image; a rectangle that reaches outside is rejected",
        parameters: [
            ParameterDescription(
                "x", "the first column that is kept, from the left edge", .integer(0...Self.largest),
                default: .integer(0), unit: "pixels"),
            ParameterDescription(
                "y", "the first row that is kept, from the upper edge", .integer(0...Self.largest),
                default: .integer(0), unit: "pixels"),
            ParameterDescription(
                "width", "auto: up to the right edge", .integer(1...Self.largest), mayBeAuto: true, default: .auto,
                unit: "pixels"),
            ParameterDescription(
                "height", "auto: up to the lower edge", .integer(1...Self.largest), mayBeAuto: true, default: .auto,
                unit: "pixels"),
        ],
        asksFor: ["x", "y", "width", "height"],
        result: "the format of the input; alpha is cut alike",
        matches: "NumPy: image[y:y + height, x:x + width], exactly")

    /// More than any image's side.
    private static let largest = Int(Int32.max)

    private let x: Int
    private let y: Int
    private let width: Int?
    private let height: Int?

    public init(arguments: OperationArguments) {
        x = arguments.integer("x")
        y = arguments.integer("y")
        width = arguments.integerUnlessAuto("width")
        height = arguments.integerUnlessAuto("height")
    }

    public func computation(for input: ImageShape) throws(PipelineError) -> OperationComputation {
        guard x + (width ?? 1) <= input.width, y + (height ?? 1) <= input.height else {
            throw PipelineError(
                .unsuitableImage,
                "`crop` keeps columns from \(x)\(Self.upTo(x, width)) and rows from \(y)\(Self.upTo(y, height)), but the "
                    + "image has \(input.width) x \(input.height) pixels; choose a rectangle within it")
        }
        let rectangle = Cut(x: x, y: y, width: width ?? input.width - x, height: height ?? input.height - y)
        return .rows(rectangle.outputShape(for: input) == input ? [] : [rectangle])
    }

    private static func upTo(_ first: Int, _ count: Int?) -> String { count.map { " up to \(first + $0 - 1)" } ?? "" }
}

/// The rows from `y` on, each from column `x` on.
package struct Cut: RowComputation {
    package let x: Int
    package let y: Int
    let width: Int
    let height: Int

    package func outputShape(for input: ImageShape) -> ImageShape {
        ImageShape(width: width, height: height, format: input.format)
    }

    package func inputRows(for rows: Range<Int>, of input: ImageShape) -> Range<Int> {
        rows.lowerBound + y..<rows.upperBound + y
    }
}
