/// Cuts a rectangle out of the image.
public struct Crop: Operation {
    public static let description = OperationDescription(
        "crop", family: .geometry, summary: "Cuts a rectangle out of the image; one that reaches outside is refused",
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

    public func outputShape(for input: ImageShape) throws(PipelineError) -> ImageShape {
        guard x + (width ?? 1) <= input.width, y + (height ?? 1) <= input.height else {
            throw PipelineError(
                .unsuitableImage,
                "`crop` keeps columns from \(x)\(Self.upTo(x, width)) and rows from \(y)\(Self.upTo(y, height)), but the "
                    + "image has \(input.width) x \(input.height) pixels; choose a rectangle within it")
        }
        return shape(from: input)
    }

    private static func upTo(_ first: Int, _ count: Int?) -> String { count.map { " up to \(first + $0 - 1)" } ?? "" }

    public func kernel(for input: ImageShape) -> OperationKernel {
        let output = shape(from: input)
        return .rows(output == input ? [] : [CropKernel(outputShape: output, x: x, y: y)])
    }

    private func shape(from input: ImageShape) -> ImageShape {
        ImageShape(width: width ?? input.width - x, height: height ?? input.height - y, format: input.format)
    }
}

/// Copies the rows from `y` on, each from column `x` on.
private struct CropKernel: RowKernel {
    let outputShape: ImageShape
    let x: Int
    let y: Int

    func inputRows(for rows: Range<Int>) -> Range<Int> { rows.lowerBound + y..<rows.upperBound + y }

    func apply(_ input: Band, to output: MutableBand) {
        // Samples of every depth are copied as bytes.
        let skipped = x * outputShape.format.bytesPerPixel
        for row in output.rows {
            let source: UnsafePointer<UInt8> = input.row(row + y)
            output.row(row, as: UInt8.self).update(from: source + skipped, count: outputShape.bytesPerRow)
        }
    }
}
