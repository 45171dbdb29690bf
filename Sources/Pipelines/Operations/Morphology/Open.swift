/// Erodes, then dilates.
public struct Open: Operation {
    public static let description = MorphologyArguments.description(
        "open", keywords: "opening binary-opening morphological-opening remove-specks remove-small-objects morphology",
        examples: ["open size=5", "otsu | open size=3 shape=ellipse"],
        summary: "Erodes, then dilates: removes bright spots smaller than the window",
        matches: "cv2.morphologyEx with MORPH_OPEN, exactly")

    private let arguments: MorphologyArguments

    public init(arguments: OperationArguments) { self.arguments = MorphologyArguments(arguments) }

    public func computation(for input: ImageShape) -> OperationComputation {
        .rows(arguments.windows(.minimum) + arguments.windows(.maximum))
    }
}
