/// Erodes, then dilates.
public struct Open: Operation {
    public static let description = MorphologyArguments.description(
        "open", summary: "Erodes, then dilates: removes bright spots smaller than the window",
        matches: "cv2.morphologyEx with MORPH_OPEN, exactly")

    private let arguments: MorphologyArguments

    public init(arguments: OperationArguments) { self.arguments = MorphologyArguments(arguments) }

    public func outputShape(for input: ImageShape) -> ImageShape { input }
    public func kernel(for input: ImageShape) -> OperationKernel {
        .rows(arguments.kernels(.minimum, input) + arguments.kernels(.maximum, input))
    }
}
