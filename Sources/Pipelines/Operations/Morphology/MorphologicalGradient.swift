/// The difference of dilation and erosion.
public struct MorphologicalGradient: Operation {
    public static let description = MorphologyArguments.description(
        "gradient", keywords: "morphological-gradient morphology-gradient outline edges thick-edges edge-detection",
        examples: ["gradient size=3", "otsu | gradient size=5"],
        summary: "The dilation less the erosion: the outlines of what is bright or dark",
        matches: "cv2.morphologyEx with MORPH_GRADIENT, exactly")

    private let arguments: MorphologyArguments

    public init(arguments: OperationArguments) { self.arguments = MorphologyArguments(arguments) }

    public func computation(for input: ImageShape) -> OperationComputation {
        .rows([
            Combination(
                first: arguments.windows(.maximum), second: arguments.windows(.minimum), pairing: Difference())
        ])
    }
}
