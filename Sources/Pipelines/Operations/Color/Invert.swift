/// Turns every level into its complement.
public struct Invert: Operation {
    public static let description = OperationDescription(
        "invert", family: .color,
        keywords:
            "negative inverse inversion color-inversion color-invert negate complement bitwise-not reverse-colors swap-black-and-white",
        examples: ["invert", "grayscale | invert"],
        summary: "Turns every level into its complement: 0 becomes the largest",
        matches: "cv2.bitwise_not, exactly; alpha is kept")

    public init(arguments: OperationArguments) {}

    public func computation(for input: ImageShape) -> OperationComputation { .rows([Complement()]) }
}

/// Turns every sample value into its complement; alpha stays.
package struct Complement: PointComputation {}
