/// What closing adds.
public struct BlackHat: Operation {
    public static let description = MorphologyArguments.description(
        "black-hat", summary: "The closing less the image: dark spots smaller than the window, as bright ones",
        matches: "cv2.morphologyEx with MORPH_BLACKHAT, exactly")

    private let arguments: MorphologyArguments

    public init(arguments: OperationArguments) { self.arguments = MorphologyArguments(arguments) }

    public func outputShape(for input: ImageShape) -> ImageShape { input }
    public func kernel(for input: ImageShape) -> OperationKernel {
        let closing = arguments.kernels(.maximum, input) + arguments.kernels(.minimum, input)
        return .rows([CombiningKernel(outputShape: input, first: closing, second: [], pairing: Difference())])
    }
}
