/// Finds straight lines by the Hough transform.
public struct HoughLines: FeatureOperation {
    /// Only the strongest lines up to this number are kept.
    public static let maximumLineCount = 1000
    /// Cells of the accumulator; one has 8 bytes where they are summed up.
    static let maximumCellCount = 1 << 24

    public static let description = OperationDescription(
        "hough-lines", family: .features,
        summary: "Finds straight lines through many pixels that are not black, over the whole image",
        parameters: [
            ParameterDescription(
                "rho", "the resolution of the distance from the top left corner", .number(0.1...100),
                default: .number(1),
                unit: "pixels"),
            ParameterDescription(
                "theta", "the resolution of the angle between a line's normal and the x axis", .number(0.1...90),
                default: .number(1), unit: "degrees"),
            ParameterDescription(
                "threshold", "a line has more pixels than this", .integer(1...1_000_000_000),
                default: .integer(100),
                unit: "pixels"),
            .output(image: "the lines are drawn over the image"),
        ],
        result:
            "RGB, or RGBA where there was alpha, at the depth of the input: red where a pixel's centre is at most half a pixel "
            + "from a line. At most the 1000 strongest lines are found",
        matches: "cv2.HoughLines of the grayscale image, exactly, the strongest line first",
        document: """
            `rho`, `theta`, `threshold`; `truncated`: whether there were more lines than the 1000 strongest; `lines`: for each \
            its `rho` in pixels with three decimals, its `theta` in degrees with four, and its `votes`, the pixels on it. On a \
            line x cos(theta) + y sin(theta) = rho
            """)

    private let rho: Double
    private let theta: Double
    private let threshold: Int
    public let output: ResultKind

    public init(arguments: OperationArguments) {
        rho = arguments.number("rho")
        theta = arguments.number("theta")
        threshold = arguments.integer("threshold")
        output = arguments.output
    }

    public func computation(for input: ImageShape) throws(PipelineError) -> OperationComputation {
        .wholeImage(try lines(in: input))
    }

    public func report(for input: ImageShape) throws(PipelineError) -> any ReportComputation { try lines(in: input) }

    private func lines(in input: ImageShape) throws(PipelineError) -> LineList {
        let grid = HoughGrid(input, rho: rho, theta: theta)
        guard grid.cellCount <= Self.maximumCellCount else {
            throw PipelineError(
                .unsuitableImage,
                "`hough-lines`: an image of \(input.width) x \(input.height) needs \(grid.cellCount) cells for rho="
                    + "\(ArgumentValue.number(rho)) theta=\(ArgumentValue.number(theta)); at most \(Self.maximumCellCount) are "
                    + "allowed; choose larger steps, or a smaller image")
        }
        return LineList(grid: grid, threshold: threshold)
    }
}

/// The lines that many pixels that are not black are on.
package struct LineList: WholeImageComputation, ReportComputation {
    package let grid: HoughGrid
    package let threshold: Int

    package func outputShape(for input: ImageShape) -> ImageShape { input.color }
}

/// The cells in which the lines through each pixel are counted: an angle, and a distance from the top left corner.
///
/// In the precision of OpenCV's `HoughLines`, so that pixels near the border of two cells fall the same way.
package struct HoughGrid: Sendable {
    package let rho: Double
    package let theta: Double
    package let angleCount: Int
    package let distanceCount: Int

    init(_ shape: ImageShape, rho: Double, theta: Double) {
        self.rho = rho
        self.theta = theta
        let radians = theta * Double.pi / 180
        var count = Int((Double.pi / radians).rounded(.down)) + 1
        // 180 degrees are 0 degrees again.
        if count > 1 && (Double.pi - Double(count - 1) * radians).magnitude < radians / 2 { count -= 1 }
        angleCount = count
        distanceCount = Int(
            (Double((shape.width + shape.height) * 2 + 1) / Double(Float(rho))).rounded(.toNearestOrEven))
    }

    package var cellCount: Int { angleCount * distanceCount }

    /// The distance in pixels that the cell of that index stands for.
    package func rho(ofDistance index: Int) -> Double { Double(index - (distanceCount - 1) / 2) * rho }
    package func theta(ofAngle index: Int) -> Double { Double(index) * theta }
}
