/// Takes the smallest level of a window.
public struct Erode: Operation {
    public static let description = MorphologyArguments.description(
        "erode", keywords: "erosion minimum min-filter shrink thin minimum-filter morphology",
        examples: ["erode size=5", "otsu | erode size=3 iterations=2"],
        summary: "The smallest level in the window: shrinks what is bright", matches: "cv2.erode, exactly")

    private let arguments: MorphologyArguments

    public init(arguments: OperationArguments) { self.arguments = MorphologyArguments(arguments) }

    public func computation(for input: ImageShape) -> OperationComputation {
        .rows(arguments.windows(.minimum))
    }
}
