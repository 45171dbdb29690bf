/// The difference of dilation and erosion.
public struct MorphologicalGradient: Operation {
    public static let description = MorphologyArguments.description(
        "gradient", summary: "The dilation less the erosion: the outlines of what is bright or dark",
        matches: "cv2.morphologyEx with MORPH_GRADIENT, exactly")

    private let arguments: MorphologyArguments

    public init(arguments: OperationArguments) { self.arguments = MorphologyArguments(arguments) }

    public func outputShape(for input: ImageShape) -> ImageShape { input }
    public func kernel(for input: ImageShape) -> OperationKernel {
        .rows([
            CombiningKernel(
                outputShape: input, first: arguments.kernels(.maximum, input),
                second: arguments.kernels(.minimum, input), pairing: Difference())
        ])
    }
}
