/// Turns the image by quarters.
public struct Rotate: Operation {
    public static let description = OperationDescription(
        "rotate", family: .geometry, summary: "Turns the image clockwise by one, two or three quarters",
        parameters: [
            ParameterDescription(
                "degrees", "the angle, clockwise", .choice(Angle.allCases.map(\.rawValue)),
                default: .word(Angle.quarter.rawValue), unit: "degrees")
        ],
        result: "the format of the input, with width and height exchanged by 90 and 270 degrees; alpha is turned alike",
        matches: "cv2.rotate with ROTATE_90_CLOCKWISE, ROTATE_180 and ROTATE_90_COUNTERCLOCKWISE (270), exactly")

    enum Angle: String, CaseIterable {
        case quarter = "90"
        case half = "180"
        case threeQuarters = "270"
    }

    private let angle: Angle

    public init(arguments: OperationArguments) { angle = arguments.choice("degrees") }

    public func outputShape(for input: ImageShape) -> ImageShape {
        switch angle {
        case .half: input
        case .quarter, .threeQuarters: ImageShape(width: input.height, height: input.width, format: input.format)
        }
    }

    public func kernel(for input: ImageShape) -> OperationKernel {
        let output = outputShape(for: input)
        return switch angle {
        case .quarter:
            .transposition(
                before: [], after: [MirrorKernel(outputShape: output, reversesRows: true, reversesOrder: false)])
        case .half: .rows([MirrorKernel(outputShape: input, reversesRows: true, reversesOrder: true)])
        case .threeQuarters:
            .transposition(
                before: [MirrorKernel(outputShape: input, reversesRows: true, reversesOrder: false)], after: [])
        }
    }
}
