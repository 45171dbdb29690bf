/// Tones like an old photograph.
public struct Sepia: Operation {
    public static let description = OperationDescription(
        "sepia", family: .colour, summary: "Tones brown, like an old photograph",
        result: "RGB, or RGBA where there was alpha, at the depth of the input; alpha passes through",
        matches: "cv2.transform of the image in double precision with the matrix 0.393 0.769 0.189 / "
            + "0.349 0.686 0.168 / 0.272 0.534 0.131, ties to even")

    public init(arguments: OperationArguments) {}

    public func outputShape(for input: ImageShape) -> ImageShape {
        var shape = input
        shape.format.layout = input.format.layout.colour
        return shape
    }

    public func kernel(for input: ImageShape) -> OperationKernel { .rows([ColourKernel(input, ToneMap())]) }

    private struct ToneMap: ColourMap {
        func callAsFunction(
            _ red: Int32, _ green: Int32, _ blue: Int32
        ) -> (red: Double, green: Double, blue: Double) {
            // In thousandths, so that the sums are exact and ties fall where the definition puts them.
            (
                Double(393 * red + 769 * green + 189 * blue) / 1000,
                Double(349 * red + 686 * green + 168 * blue) / 1000,
                Double(272 * red + 534 * green + 131 * blue) / 1000
            )
        }
    }
}
