/// A relief lit from the side.
public struct Emboss: Operation {
    public static let description = OperationDescription(
        "emboss", family: .edges,
        summary: "A gray relief of the levels, lit from the side: slopes that face the light are bright",
        parameters: [
            ParameterDescription(
                "angle", "where the light comes from: 0 from the right, 90 from above, 180 from the left",
                .number(-360...360), default: .number(45), unit: "degrees")
        ],
        border: .reflect101,
        matches: "NumPy on cv2.Sobel in double precision: half - (cos(angle) * dx - sin(angle) * dy) / 4, rounded, "
            + "saturated; half is 128 at 8 bits and 32768 at 16")

    private let angle: Double

    public init(arguments: OperationArguments) { angle = arguments.number("angle") }

    public func computation(for input: ImageShape) -> OperationComputation {
        .rows([Gradient(taps: .sobel(size: 3), combination: .relief(degrees: angle))])
    }
}
