/// Moves every colour away from its gray, or towards it.
public struct Saturation: Operation {
    public static let description = OperationDescription(
        "saturation", family: .color,
        keywords: "vibrance saturate desaturate colorfulness modulate enhance-color hsv hsl",
        examples: ["saturation scale=1.5", "saturation scale=0.4 | brightness-contrast contrast=1.1"],
        summary: "Multiplies the distance of every colour from its luma by the scale; a gray image stays as it is",
        parameters: [
            ParameterDescription(
                "scale", "0 keeps only the luma, 1 changes nothing, above 1 is more colourful",
                .number(0...100),
                default: .number(1))
        ],
        asksFor: ["scale"],
        matches: "NumPy: y + scale * (c - y) in double precision, y by cv2.cvtColor with COLOR_RGB2GRAY; ties to even. "
            + "Pillow's ImageEnhance.Color has the same definition with another rounding")

    private let scale: Double

    public init(arguments: OperationArguments) { scale = arguments.number("scale") }

    public func computation(for input: ImageShape) -> OperationComputation {
        .rows(input.format.layout.isColor && scale != 1 ? [LumaDistance(scale: scale)] : [])
    }
}

/// Multiplies the distance of every colour of a colour image from its luma.
package struct LumaDistance: PointComputation {
    package let scale: Double
}
