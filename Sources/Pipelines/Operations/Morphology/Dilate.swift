/// Takes the largest level of a window.
public struct Dilate: Operation {
    public static let description = MorphologyArguments.description(
        "dilate", keywords: "dilation maximum max-filter grow thicken expand maximum-filter morphology",
        examples: ["dilate size=5", "canny | dilate size=3"],
        summary: "The largest level in the window: grows what is bright", matches: "cv2.dilate, exactly")

    private let arguments: MorphologyArguments

    public init(arguments: OperationArguments) { self.arguments = MorphologyArguments(arguments) }

    public func computation(for input: ImageShape) -> OperationComputation {
        .rows(arguments.windows(.maximum))
    }
}
