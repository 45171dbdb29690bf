/// Removes a colour cast, by the assumption that the world is gray on the average.
public struct WhiteBalance: Operation {
    public static let description = OperationDescription(
        "white-balance", family: .color,
        keywords:
            "gray-world grayworld color-cast auto-white-balance awb color-constancy color-correction neutral temperature tint auto-color",
        examples: ["white-balance", "white-balance | auto-levels"],
        summary:
            "Scales each colour so that the means of all three are equal: removes a cast of light that is not white",
        result: "the format of the input; gray images stay as they are; alpha passes through",
        matches:
            "the gray-world assumption (Buchsbaum 1980): the mean of each colour over the whole image becomes the mean of "
            + "the three means, by a factor in double precision; levels are rounded once and saturated. A colour that the "
            + "image does not have stays 0. NumPy: rint(v * mean / mean_of_colour)")

    public init(arguments: OperationArguments) {}

    public func computation(for input: ImageShape) -> OperationComputation {
        input.format.layout.isColor ? .wholeImage(GrayWorld()) : .rows([])
    }
}

/// Scales each colour of a colour image to the mean of all.
package struct GrayWorld: WholeImageComputation {
    package var hasValueOfAnySize: Bool { true }
}
