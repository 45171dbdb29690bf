/// Finds corners by Harris and Stephens' response.
public struct Harris: FeatureOperation {
    /// Only the strongest corners up to this number are kept.
    public static let maximumCornerCount = 10_000

    public static let description = OperationDescription(
        "harris", family: .features,
        keywords: "corner-detection corners corner corner-harris keypoints interest-points feature-detection features",
        examples: ["harris threshold=0.05", "gaussian-blur sigma=1 | harris block=3 color=yellow"],
        summary:
            "Finds corners: local maxima of Harris' response above a share of the largest one, over the whole image",
        parameters: [
            ParameterDescription(
                "block", "the side of the window over which gradients are compared", .integer(2...31),
                default: .integer(2), unit: "pixels"),
            ParameterDescription(
                "aperture", "the side of Sobel's window", .oddInteger(3...7), default: .integer(3), unit: "pixels"),
            ParameterDescription(
                "k", "the weight of the trace: det - k * trace^2", .number(0...1), default: .number(0.04)),
            ParameterDescription(
                "threshold", "the share of the largest response that a corner is above", .number(0...1),
                default: .number(0.01)),
            MarkColor.parameter,
            ParameterDescription(
                "size",
                "the side of a cross; auto: 5, and more on images of more than 450 pixels along the shorter side",
                .oddInteger(1...255), mayBeAuto: true, default: .auto, unit: "pixels"),
            .output([("image", "the corners are drawn over the image")]),
        ],
        result:
            "RGB, or RGBA where there was alpha, at the depth of the input, with a cross on each corner. "
            + "At most the 10000 strongest corners are found",
        border: .reflect101,
        matches:
            "the pixels where r = cv2.cornerHarris(gray, block, aperture, k) is above threshold * r.max() and equals "
            + "cv2.dilate(r, np.ones((3, 3))); the sums are exact here, so that corners may differ where OpenCV's single "
            + "precision decides a near tie",
        document: """
            `block`, `aperture`, `k`, `threshold`; `truncated`: whether there were more corners than the 10000 strongest; \
            `corners`: for each, row by row, its `x` and `y`, and its `strength`, the share of the largest response with six \
            decimals
            """)

    private let block: Int
    private let aperture: Int
    private let k: Double
    private let threshold: Double
    private let color: MarkColor
    private let size: Int?
    public let output: ResultKind

    public init(arguments: OperationArguments) {
        block = arguments.integer("block")
        aperture = arguments.integer("aperture")
        k = arguments.number("k")
        threshold = arguments.number("threshold")
        color = arguments.choice("color")
        size = arguments.integerUnlessAuto("size")
        output = arguments.output
    }

    public func computation(for input: ImageShape) -> OperationComputation { .wholeImage(corners(in: input)) }
    public func report(for input: ImageShape) -> any ReportComputation { corners(in: input) }

    private func corners(in input: ImageShape) -> CornerList {
        CornerList(
            response: HarrisResponse(block: block, aperture: aperture, k: k), threshold: threshold, color: color,
            size: size ?? MarkSize.cross(input))
    }
}

/// Harris' response of the grayscale image. Its rows have the image's rows beside the responses: `ResponseLayout`.
package struct HarrisResponse: WindowComputation {
    package let block: Int
    package let aperture: Int
    package let k: Double

    package var radius: Int { block / 2 + aperture / 2 }
    package func outputShape(for input: ImageShape) -> ImageShape { ResponseLayout(image: input).shape }
}

/// Keeps the responses that no neighbour's exceeds, and that are positive; the others become 0.
package struct LocalMaxima: WindowComputation {
    /// The image that the responses are of.
    package let image: ImageShape

    package var radius: Int { 1 }
}

/// The corners above a share of the largest response.
package struct CornerList: WholeImageComputation, ReportComputation {
    package let response: HarrisResponse
    package let threshold: Double
    package let color: MarkColor
    /// The side of a cross.
    package let size: Int

    package func prelude(for input: ImageShape) -> [any RowComputation] { [response, LocalMaxima(image: input)] }
    package func outputShape(for input: ImageShape) -> ImageShape { input.color }
}
