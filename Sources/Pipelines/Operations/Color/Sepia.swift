/// Tones like an old photograph.
public struct Sepia: Operation {
    public static let description = OperationDescription(
        "sepia", family: .color,
        keywords: "sepia-tone old-photo vintage brown tint toning",
        examples: ["sepia", "sepia | brightness-contrast contrast=1.2"], summary: "Tones brown, like an old photograph",
        result: "RGB, or RGBA where there was alpha, at the depth of the input; alpha passes through",
        matches: "cv2.transform of the image in double precision with the matrix 0.393 0.769 0.189 / "
            + "0.349 0.686 0.168 / 0.272 0.534 0.131, ties to even")

    public init(arguments: OperationArguments) {}

    public func computation(for input: ImageShape) -> OperationComputation { .rows([SepiaTone()]) }
}

/// Tones an image brown; a gray pixel counts as one whose three colours are equal.
package struct SepiaTone: PointComputation {
    package func outputShape(for input: ImageShape) -> ImageShape { input.color }
}
