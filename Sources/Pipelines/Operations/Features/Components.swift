/// Finds the connected regions of an image.
public struct Components: FeatureOperation {
    /// A label must fit a 16-bit sample: more are refused where labels are drawn.
    public static let maximumLabelCount = 65_535
    /// More are refused: what is known of all of them is in the memory of one process.
    public static let maximumCount = 5_000_000

    public static let description = OperationDescription(
        "components", family: .features,
        keywords:
            "connected-components labelling labeling label regions blobs count-objects blob-detection objects cells regionprops segmentation watershed bwlabel",
        examples: ["components", "gaussian-blur sigma=2 | otsu | components"],
        summary: "Finds the connected regions of pixels that are not black, over the whole image",
        parameters: [
            ParameterDescription(
                "connectivity", "8: pixels that touch by a corner are connected; 4: only those that share a side",
                .choice(["4", "8"]), default: .word("8")),
            .output([
                ("image", "each region in a colour of its own"), ("labels", "each pixel gets the label of its region"),
            ]),
        ],
        result:
            "RGB at 8 bits: black where the gray level, or luma, is 0, else the colour of the region's label; with "
            + "output=labels gray at 16 bits, 0 or the label. Regions are labelled from 1 in the order of their first pixels, "
            + "row by row; alpha is dropped. More than 5000000 regions are refused, with output=labels more than 65535",
        matches:
            "cv2.connectedComponentsWithStats of the grayscale image: the same regions with the same statistics, but for "
            + "the order of the labels",
        document: """
            `connectivity`; `count`; `components`: for each region, by label, its `label`, its area in `pixels`, `left`, \
            `top`, `width` and `height` of its bounding box, and the means of its pixels' coordinates `x` and `y` with three \
            decimals
            """)

    private let connectivity: Int
    private let drawing: RegionLabels.Drawing
    public let output: ResultKind

    public init(arguments: OperationArguments) {
        connectivity = arguments["connectivity"] == .word("4") ? 4 : 8
        drawing = arguments["output"] == .word("labels") ? .labels : .colors
        output = arguments.output
    }

    public var metadataEffect: MetadataEffect { .replacesColors }

    public func computation(for input: ImageShape) -> OperationComputation { .wholeImage(regions) }
    public func report(for input: ImageShape) -> any ReportComputation { regions }

    private var regions: RegionLabels { RegionLabels(connectivity: connectivity, drawing: drawing) }
}

/// The connected regions of pixels that are not black.
package struct RegionLabels: WholeImageComputation, ReportComputation {
    /// What is drawn of a region.
    package enum Drawing: Sendable {
        /// A colour that follows from the label.
        case colors
        case labels

        var format: PixelFormat {
            switch self {
            case .colors: PixelFormat(.rgb, .eight)
            case .labels: PixelFormat(.gray, .sixteen)
            }
        }
    }

    package let connectivity: Int
    package let drawing: Drawing

    package func outputShape(for input: ImageShape) -> ImageShape {
        ImageShape(width: input.width, height: input.height, format: drawing.format)
    }
    package var appliesRowByRow: Bool { false }
}
