/// Follows the borders of an image's regions.
public struct Contours: FeatureOperation {
    /// More are refused: the document names each pixel of a border.
    public static let maximumStepCount = 4_000_000

    public static let description = OperationDescription(
        "contours", family: .features,
        keywords: "find-contours outline outlines border boundary boundaries polygon draw-contours shapes perimeter",
        examples: ["contours", "gaussian-blur sigma=2 | otsu | contours color=green width=3"],
        summary: "Follows the borders of the regions of pixels that are not black, outside and around holes",
        parameters: [
            MarkColor.parameter, MarkSize.width("the lines"),
            .output([("image", "the borders are drawn over the image")]),
        ],
        result:
            "RGB, or RGBA where there was alpha, at the depth of the input: marked where a pixel that is not black has a black "
            + "one, or the outside of the image, above, below, left or right of it, and around it as far as the width says",
        matches:
            "cv2.findContours of the grayscale image with RETR_LIST and CHAIN_APPROX_NONE: the same contours, each from the same "
            + "pixel in the same direction, in the order of their first pixels; as an image with width=1, cv2.drawContours of all of them",
        document: """
            `count`; `contours`: for each, by its first pixel, its `kind`, `outer` or `hole`, and `points`, the pixels of the \
            border one after the other as [x, y]; where a region is one pixel wide, both ways. Regions are 8-connected, holes \
            4-connected
            """)

    private let color: MarkColor
    private let width: Int?
    public let output: ResultKind

    public init(arguments: OperationArguments) {
        color = arguments.choice("color")
        width = arguments.integerUnlessAuto("width")
        output = arguments.output
    }

    public func computation(for input: ImageShape) -> OperationComputation {
        .rows([BorderMarks(color: color, reach: (width ?? MarkSize.line(input)) / 2)])
    }

    public func report(for input: ImageShape) -> any ReportComputation { BorderList() }
}

/// Marks the pixels that belong to a border.
package struct BorderMarks: WindowComputation {
    package let color: MarkColor
    /// How far around a border's pixel others are marked too.
    package let reach: Int

    package var radius: Int { 1 + reach }
    package func outputShape(for input: ImageShape) -> ImageShape { input.color }
}

/// Gathers which of a pixel and its eight neighbours are foreground, as 16-bit gray.
package struct NeighborMasks: WindowComputation {
    package var radius: Int { 1 }

    package func outputShape(for input: ImageShape) -> ImageShape {
        ImageShape(width: input.width, height: input.height, format: PixelFormat(.gray, .sixteen))
    }
}

/// The borders of all regions, one after the other.
package struct BorderList: ReportComputation {
    package func prelude(for input: ImageShape) -> [any RowComputation] { [NeighborMasks()] }
}
