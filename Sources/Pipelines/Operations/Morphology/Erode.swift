/// Takes the smallest level of a window.
public struct Erode: Operation {
    public static let description = MorphologyArguments.description(
        "erode", summary: "The smallest level in the window: shrinks what is bright", matches: "cv2.erode, exactly")

    private let arguments: MorphologyArguments

    public init(arguments: OperationArguments) { self.arguments = MorphologyArguments(arguments) }

    public func outputShape(for input: ImageShape) -> ImageShape { input }
    public func kernel(for input: ImageShape) -> OperationKernel { .rows(arguments.kernels(.minimum, input)) }
}
