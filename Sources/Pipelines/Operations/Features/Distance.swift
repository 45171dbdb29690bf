/// Gives each pixel its distance from the nearest black one.
public struct Distance: Operation {
    public static let description = OperationDescription(
        "distance", family: .features,
        keywords: "distance-transform distance-map euclidean-distance edt bwdist medial-axis skeleton chamfer feather",
        examples: ["otsu | distance", "otsu | invert | distance scale=4 | colormap"],
        summary: "Gives each pixel its exact Euclidean distance from the nearest black pixel, over the whole image",
        parameters: [
            ParameterDescription(
                "scale", "levels for each pixel of distance", .number(0.001...65535), default: .number(1),
                unit: "levels",
                isLevel: true)
        ],
        result:
            "gray at the depth of the input: 0 where the gray level, or luma, is 0, else the distance times the scale, rounded "
            + "and saturated. By default 255 pixels, and what is further, are white: in whole pixels at 8 bits, in 257th parts at "
            + "16 bits. An image without a black pixel becomes white. Alpha passes through",
        matches:
            "cv2.distanceTransform of the grayscale image with DIST_L2 and DIST_MASK_PRECISE, times the scale, rounded: exactly, "
            + "since the squares of distances are whole numbers, whose roots are taken in double precision")

    private let scale: Level

    public init(arguments: OperationArguments) { scale = arguments.level("scale") }

    public var metadataEffect: MetadataEffect { .replacesColors }

    public func computation(for input: ImageShape) -> OperationComputation {
        .wholeImage(DistanceTransform(scale: scale.at(input.format.depth)))
    }
}

/// The distance of each pixel from the nearest that is black.
///
/// The nearest black pixel of each column, above or below, is found first: of the other parts of an image, all that matters
/// is how far their black pixels are from the part's first and last row, column by column. The rest is a matter of single rows.
package struct DistanceTransform: WholeImageComputation {
    package let scale: Double

    package func outputShape(for input: ImageShape) -> ImageShape { input.grayscale }
    package var appliesRowByRow: Bool { false }
}
