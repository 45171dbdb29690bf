/// Moves every colour away from its gray, or towards it.
public struct Saturation: Operation {
    public static let description = OperationDescription(
        "saturation", family: .colour,
        summary: "Multiplies the distance of every colour from its luma by the scale; a gray image stays as it is",
        parameters: [
            ParameterDescription(
                "scale", "0 leaves the luma alone, 1 the image as it is, more makes it more colourful",
                .number(0...100),
                default: .number(1))
        ],
        matches: "NumPy: y + scale * (c - y) in double precision, y by cv2.cvtColor with COLOR_RGB2GRAY; ties to even. "
            + "Pillow's ImageEnhance.Color has the same definition with another rounding")

    private let scale: Double

    public init(arguments: OperationArguments) { scale = arguments.number("scale") }

    public func outputShape(for input: ImageShape) -> ImageShape { input }

    public func kernel(for input: ImageShape) -> OperationKernel {
        .rows(input.format.layout.isColour && scale != 1 ? [ColourKernel(input, DistanceMap(scale: scale))] : [])
    }

    private struct DistanceMap: ColourMap {
        let scale: Double

        func callAsFunction(
            _ red: Int32, _ green: Int32, _ blue: Int32, upTo largest: Int32
        ) -> (red: Int32, green: Int32, blue: Int32) {
            let gray = Int32(
                luma(
                    UInt32(truncatingIfNeeded: red), UInt32(truncatingIfNeeded: green),
                    UInt32(truncatingIfNeeded: blue)))
            func level(_ colour: Int32) -> Int32 {
                roundedLevel(Double(gray) + scale * Double(colour &- gray), upTo: largest)
            }
            return (level(red), level(green), level(blue))
        }
    }
}
