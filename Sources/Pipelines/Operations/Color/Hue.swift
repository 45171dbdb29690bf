/// Turns the colour wheel.
public struct Hue: Operation {
    public static let description = OperationDescription(
        "hue", family: .color,
        keywords: "hue-rotate hue-shift color-shift color-wheel modulate hsv hsl",
        examples: ["hue degrees=120", "hue degrees=-30 | saturation scale=1.3"],
        summary: "Turns the hue of every colour, keeping saturation and value (HSV); a gray image stays as it is",
        parameters: [
            ParameterDescription(
                "degrees", "the angle: 120 makes red green, green blue, and blue red", .number(-360...360),
                default: .number(0), unit: "degrees")
        ],
        asksFor: ["degrees"],
        matches: "cv2.cvtColor of the image as float with COLOR_RGB2HSV, the angle added to H, and COLOR_HSV2RGB; in "
            + "double precision, rounded once, where OpenCV's single precision may be 1 level off")

    private let degrees: Double

    public init(arguments: OperationArguments) { degrees = arguments.number("degrees") }

    public func computation(for input: ImageShape) -> OperationComputation {
        let angle = degrees < 0 ? degrees + 360 : degrees
        guard input.format.layout.isColor && angle != 0 && angle != 360 else { return .rows([]) }
        return .rows([HueTurn(degrees: angle)])
    }
}

/// Turns the colour wheel of a colour image.
package struct HueTurn: PointComputation {
    /// More than 0 and less than 360.
    package let degrees: Double
}
