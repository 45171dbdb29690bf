/// Finds the connected regions of an image.
public struct Components: FeatureOperation {
    /// More are refused: a label must fit a 16-bit sample.
    public static let maximumCount = 65_535

    public static let description = OperationDescription(
        "components", family: .features,
        summary: "Finds the connected regions of pixels that are not black, over the whole image",
        parameters: [
            ParameterDescription(
                "connectivity", "8: pixels that touch by a corner are connected; 4: only those that share a side",
                .choice(["4", "8"]), default: .word("8")),
            .output(image: "each pixel gets the label of its region"),
        ],
        result:
            "gray at 16 bits: 0 where the gray level, or luma, is 0, else the region's label; regions are labelled from 1 in "
            + "the order of their first pixels, row by row; alpha is dropped. More than 65535 regions are refused",
        matches:
            "cv2.connectedComponentsWithStats of the grayscale image: the same regions with the same statistics, but for "
            + "the order of the labels",
        document: """
            `connectivity`; `count`; `components`: for each region, by label, its `label`, its area in `pixels`, `left`, \
            `top`, `width` and `height` of its bounding box, and the means of its pixels' coordinates `x` and `y` with three \
            decimals
            """)

    private let connectivity: Int
    public let output: ResultKind

    public init(arguments: OperationArguments) {
        connectivity = arguments["connectivity"] == .word("4") ? 4 : 8
        output = arguments.output
    }

    public var metadataEffect: MetadataEffect { .replacesColors }

    public func computation(for input: ImageShape) -> OperationComputation { .wholeImage(regions) }
    public func report(for input: ImageShape) -> any ReportComputation { regions }

    private var regions: RegionLabels { RegionLabels(connectivity: connectivity) }
}

/// The connected regions of pixels that are not black.
package struct RegionLabels: WholeImageComputation, ReportComputation {
    package let connectivity: Int

    package func outputShape(for input: ImageShape) -> ImageShape {
        ImageShape(width: input.width, height: input.height, format: PixelFormat(.gray, .sixteen))
    }
    package var appliesRowByRow: Bool { false }
}
