/// What opening takes away.
public struct TopHat: Operation {
    public static let description = MorphologyArguments.description(
        "top-hat", summary: "The image less its opening: bright spots smaller than the window, on black",
        matches: "cv2.morphologyEx with MORPH_TOPHAT, exactly")

    private let arguments: MorphologyArguments

    public init(arguments: OperationArguments) { self.arguments = MorphologyArguments(arguments) }

    public func outputShape(for input: ImageShape) -> ImageShape { input }
    public func kernel(for input: ImageShape) -> OperationKernel {
        let opening = arguments.kernels(.minimum, input) + arguments.kernels(.maximum, input)
        return .rows([CombiningKernel(outputShape: input, first: [], second: opening, pairing: Difference())])
    }
}
