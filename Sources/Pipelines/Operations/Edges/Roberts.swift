/// The strength of the steepest change of level, by Roberts' cross.
public struct Roberts: Operation {
    public static let description = OperationDescription(
        "roberts", family: .edges,
        keywords: "roberts-cross edge-detection edges edge gradient",
        examples: ["roberts", "gaussian-blur sigma=1 | roberts"],
        summary: "Gradient (Roberts' cross of four pixels), per channel",
        parameters: [
            ParameterDescription(
                "direction",
                "x: the pixel against the one right below it; y: the one to the right against the one below; "
                    + "both: the length of the two",
                .choice(GradientDirection.allCases.map(\.rawValue)),
                default: .word(GradientDirection.both.rawValue))
        ],
        border: .reflect101,
        matches:
            "cv2.filter2D with 1 0 / 0 -1 and 0 1 / -1 0, anchored at their first pixel, in double precision, then "
            + "the absolute value, or cv2.magnitude of both; rounded, saturated")

    private let direction: GradientDirection

    public init(arguments: OperationArguments) { direction = arguments.choice("direction") }

    public func computation(for input: ImageShape) -> OperationComputation {
        .rows([RobertsCross(direction: direction)])
    }
}

/// The differences of four pixels across.
package struct RobertsCross: WindowComputation {
    package let direction: GradientDirection

    package var radius: Int { 1 }
}
