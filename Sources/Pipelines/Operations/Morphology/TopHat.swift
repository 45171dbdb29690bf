/// What opening takes away.
public struct TopHat: Operation {
    public static let description = MorphologyArguments.description(
        "top-hat",
        keywords:
            "white-top-hat white-tophat bright-spots background-subtraction rolling-ball uneven-illumination morphology",
        examples: ["top-hat size=15", "grayscale | top-hat size=31 | stretch"],
        summary: "The image less its opening: bright spots smaller than the window, on black",
        matches: "cv2.morphologyEx with MORPH_TOPHAT, exactly")

    private let arguments: MorphologyArguments

    public init(arguments: OperationArguments) { self.arguments = MorphologyArguments(arguments) }

    public func computation(for input: ImageShape) -> OperationComputation {
        let opening = arguments.windows(.minimum) + arguments.windows(.maximum)
        return .rows([Combination(first: [], second: opening, pairing: Difference())])
    }
}
