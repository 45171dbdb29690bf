/// Turns the image by quarters.
public struct Rotate: Operation {
    public static let description = OperationDescription(
        "rotate", family: .geometry,
        keywords: "rotation turn rotate-90 rot90 orientation clockwise counterclockwise",
        examples: ["rotate degrees=90", "rotate degrees=270 | resize height=400"],
        summary: "Turns the image clockwise by one, two or three quarters",
        parameters: [
            ParameterDescription(
                "degrees", "the angle, clockwise", .choice(Angle.allCases.map(\.rawValue)),
                default: .word(Angle.quarter.rawValue), unit: "degrees",
                synonyms: ["-90": "270", "-180": "180", "-270": "90"])
        ],
        result: "the format of the input, with width and height exchanged by 90 and 270 degrees; alpha is turned alike",
        matches: "cv2.rotate with ROTATE_90_CLOCKWISE, ROTATE_180 and ROTATE_90_COUNTERCLOCKWISE (270), exactly")

    package enum Angle: String, CaseIterable, Sendable {
        case quarter = "90"
        case half = "180"
        case threeQuarters = "270"
    }

    private let angle: Angle

    public init(arguments: OperationArguments) { angle = arguments.choice("degrees") }

    public var metadataEffect: MetadataEffect {
        angle == .half ? .setsOrientation : [.setsOrientation, .exchangesAxes]
    }

    public func computation(for input: ImageShape) -> OperationComputation {
        switch angle {
        case .quarter: .transposition(before: [], after: [Mirror(reversesRows: true, reversesOrder: false)])
        case .half: .rows([Mirror(reversesRows: true, reversesOrder: true)])
        case .threeQuarters: .transposition(before: [Mirror(reversesRows: true, reversesOrder: false)], after: [])
        }
    }
}
