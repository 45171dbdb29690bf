/// What closing adds.
public struct BlackHat: Operation {
    public static let description = MorphologyArguments.description(
        "black-hat", keywords: "black-top-hat bottom-hat black-tophat dark-spots morphology",
        examples: ["black-hat size=15", "grayscale | black-hat size=31 | stretch"],
        summary: "The closing less the image: dark spots smaller than the window, as bright ones",
        matches: "cv2.morphologyEx with MORPH_BLACKHAT, exactly")

    private let arguments: MorphologyArguments

    public init(arguments: OperationArguments) { self.arguments = MorphologyArguments(arguments) }

    public func computation(for input: ImageShape) -> OperationComputation {
        let closing = arguments.windows(.maximum) + arguments.windows(.minimum)
        return .rows([Combination(first: closing, second: [], pairing: Difference())])
    }
}
