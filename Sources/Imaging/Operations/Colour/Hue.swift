/// Turns the colour wheel.
public struct Hue: Operation {
    public static let description = OperationDescription(
        "hue", family: .colour,
        summary: "Turns the hue of every colour, keeping saturation and value (HSV); a gray image stays as it is",
        parameters: [
            ParameterDescription(
                "degrees", "the angle: 120 makes red green, green blue, and blue red", .number(-360...360),
                default: .number(0), unit: "degrees")
        ],
        matches: "cv2.cvtColor of the image as float with COLOR_RGB2HSV, the angle added to H, and COLOR_HSV2RGB; in "
            + "double precision, rounded once, where OpenCV's single precision may be 1 level off")

    private let degrees: Double

    public init(arguments: OperationArguments) { degrees = arguments.number("degrees") }

    public func outputShape(for input: ImageShape) -> ImageShape { input }

    public func kernel(for input: ImageShape) -> OperationKernel {
        let angle = degrees < 0 ? degrees + 360 : degrees
        let turns = input.format.layout.isColour && angle != 0 && angle != 360
        return .rows(turns ? [ColourKernel(input, WheelMap(degrees: angle))] : [])
    }

    /// Hues are degrees times the chroma: sums and differences alone, without rounding, until one division at the end.
    private struct WheelMap: ColourMap {
        /// More than 0 and less than 360.
        let degrees: Double

        func callAsFunction(
            _ red: Int32, _ green: Int32, _ blue: Int32
        ) -> (red: Double, green: Double, blue: Double) {
            let value = max(red, green, blue)
            let chroma = Double(value - min(red, green, blue))
            let sixth = 60 * chroma
            var hue =
                if value == red {
                    60 * Double(green - blue)
                } else if value == green {
                    2 * sixth + 60 * Double(blue - red)
                } else {
                    4 * sixth + 60 * Double(red - green)
                }
            hue += degrees * chroma
            if hue < 0 { hue += 6 * sixth }
            if hue >= 6 * sixth { hue -= 6 * sixth }
            /// What a colour lacks of the value rises, stays and falls again in the four sixths of the wheel that begin
            /// `6 - offset` sixths after red.
            func level(_ offset: Double) -> Double {
                var position = hue + offset * sixth
                if position >= 6 * sixth { position -= 6 * sixth }
                return Double(value) - max(0, min(position, 4 * sixth - position, sixth)) / 60
            }
            return (level(5), level(3), level(1))
        }
    }
}
