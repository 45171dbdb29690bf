/// Reduces colour to luma.
public struct Grayscale: Operation {
    public static let description = OperationDescription(
        "grayscale", family: .color,
        keywords:
            "gray gray-scale black-and-white b-w monochrome mono desaturate luma luminance rgb2gray bgr2gray "
            + "color-rgb2gray",
        examples: ["grayscale", "grayscale | equalize"],
        summary: "Reduces colour to luma (ITU-R BT.601); a gray image stays as it is",
        result: "gray, or gray+alpha where there was alpha, at the depth of the input",
        matches: "cv2.cvtColor with COLOR_RGB2GRAY, exactly")

    public init(arguments: OperationArguments) {}

    public func computation(for input: ImageShape) -> OperationComputation {
        .rows(input.format.layout.isColor ? [Luma()] : [])
    }
}

/// The luma (ITU-R BT.601) of every pixel of a colour image; alpha stays.
package struct Luma: PointComputation {
    package func outputShape(for input: ImageShape) -> ImageShape { input.grayscale }
}
