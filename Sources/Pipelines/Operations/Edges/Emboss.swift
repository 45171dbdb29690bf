/// A relief lit from the side.
public struct Emboss: Operation {
    public static let description = OperationDescription(
        "emboss", family: .edges,
        keywords: "relief bas-relief bump engrave 3d shading shade",
        examples: ["emboss strength=3", "gaussian-blur sigma=1 | emboss angle=135"],
        summary: "A gray relief of the levels, lit from the side: slopes that face the light are bright",
        parameters: [
            ParameterDescription(
                "angle", "where the light comes from: 0 from the right, 90 from above, 180 from the left",
                .number(-360...360), default: .number(45), unit: "degrees"),
            ParameterDescription(
                "strength", "how deep the relief is; negative values exchange hill and valley", .number(-100...100),
                default: .number(2)),
            ColorTreatment.parameter,
        ],
        result: ColorTreatment.result,
        border: .reflect101,
        matches: "NumPy on cv2.Sobel of the grayscale image, or with channels=each of the image, in double precision: "
            + "half - (cos(angle) * dx - sin(angle) * dy) * strength / 4, rounded, saturated; half is 128 at 8 bits and "
            + "32768 at 16")

    private let angle: Double
    private let strength: Double
    private let channels: ColorTreatment

    public init(arguments: OperationArguments) {
        angle = arguments.number("angle")
        strength = arguments.number("strength")
        channels = arguments.choice("channels")
    }

    public func computation(for input: ImageShape) -> OperationComputation {
        channels.computations(
            [Gradient(taps: .sobel(size: 3), combination: .relief(degrees: angle, strength: strength))], of: input)
    }
}
