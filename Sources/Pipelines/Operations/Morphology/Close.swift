/// Dilates, then erodes.
public struct Close: Operation {
    public static let description = MorphologyArguments.description(
        "close", summary: "Dilates, then erodes: removes dark spots smaller than the window",
        matches: "cv2.morphologyEx with MORPH_CLOSE, exactly")

    private let arguments: MorphologyArguments

    public init(arguments: OperationArguments) { self.arguments = MorphologyArguments(arguments) }

    public func outputShape(for input: ImageShape) -> ImageShape { input }
    public func kernel(for input: ImageShape) -> OperationKernel {
        .rows(arguments.kernels(.maximum, input) + arguments.kernels(.minimum, input))
    }
}
