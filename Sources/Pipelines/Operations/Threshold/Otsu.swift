/// Separates two classes of levels where their variance between each other is largest.
public struct Otsu: Operation {
    public static let description = OperationDescription(
        "otsu", family: .threshold,
        keywords:
            "automatic-threshold auto-threshold binarize binarization threshold-otsu threshold black-and-white segmentation",
        examples: ["otsu", "gaussian-blur sigma=2 | otsu | open size=5"],
        summary: "Compares every level with the one that separates the image's levels best, by Otsu's method",
        result: "gray, or gray+alpha where there was alpha: the largest level above the threshold, else 0; of colours, "
            + "the grayscale is taken first",
        matches: "cv2.threshold with THRESH_BINARY | THRESH_OTSU, exactly, at 8 and at 16 bits; alpha passes through")

    public init(arguments: OperationArguments) {}

    public func computation(for input: ImageShape) -> OperationComputation { .wholeImage(OtsuThreshold()) }
}

/// Compares every gray value with the one that separates the image's values best.
package struct OtsuThreshold: WholeImageComputation {
    package func prelude(for input: ImageShape) -> [any RowComputation] {
        input.format.layout.isColor ? [Luma()] : []
    }

    package func outputShape(for input: ImageShape) -> ImageShape { input.grayscale }
    package var hasValueOfAnySize: Bool { true }
}
