/// Dilates, then erodes.
public struct Close: Operation {
    public static let description = MorphologyArguments.description(
        "close",
        keywords: "closing binary-closing morphological-closing fill-holes fill-gaps remove-small-holes morphology",
        examples: ["close size=5", "otsu | close size=7 shape=ellipse"],
        summary: "Dilates, then erodes: removes dark spots smaller than the window",
        matches: "cv2.morphologyEx with MORPH_CLOSE, exactly")

    private let arguments: MorphologyArguments

    public init(arguments: OperationArguments) { self.arguments = MorphologyArguments(arguments) }

    public func computation(for input: ImageShape) -> OperationComputation {
        .rows(arguments.windows(.maximum) + arguments.windows(.minimum))
    }
}
