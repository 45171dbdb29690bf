/// Finds straight lines by the Hough transform.
public struct HoughLines: FeatureOperation {
    /// Cells of the accumulator; one has 8 bytes where they are summed up.
    static let maximumCellCount = 1 << 24

    public static let description = OperationDescription(
        "hough-lines", family: .features,
        keywords:
            "line-detection lines straight-lines line hough hough-transform hough-line hough-lines-p houghlinesp probabilistic-hough-line lsd segments",
        examples: ["hough-lines method=probabilistic", "canny low=100 high=200 | hough-lines threshold=120 lines=10"],
        summary: "Finds straight lines through many pixels that are edges, or not black, over the whole image",
        parameters: [
            ParameterDescription(
                "method", "standard: lines without ends; probabilistic: segments from end to end",
                .choice(Method.allCases.map(\.rawValue)), default: .word(Method.standard.rawValue)),
            ParameterDescription(
                "edges",
                "above 0 lines are sought among the edges that `canny low=... high=...` with this limit finds, and drawn over "
                    + "the image itself; 0: among all pixels that are not black; auto: 150 for a colour image, times 257 at 16 "
                    + "bits, and 0 for a gray one, as `canny` gives",
                .number(0...50_000_000), mayBeAuto: true, default: .auto, unit: "levels"),
            ParameterDescription(
                "rho", "the resolution of the distance from the top left corner", .number(0.1...100),
                default: .number(1),
                unit: "pixels"),
            ParameterDescription(
                "theta", "the resolution of the angle between a line's normal and the x axis", .number(0.1...90),
                default: .number(1), unit: "degrees"),
            ParameterDescription(
                "threshold",
                "a line has more pixels than this, a segment's line at least as many; auto: 100 for lines, 50 for segments",
                .integer(1...1_000_000_000), mayBeAuto: true, default: .auto, unit: "pixels"),
            ParameterDescription(
                "lines",
                "the most that are found: the strongest lines, or the longest segments; auto: 20 lines, or 100 segments",
                .integer(1...largestLineCount), mayBeAuto: true, default: .auto),
            ParameterDescription(
                "length",
                "of method=probabilistic: the least length of a segment, along x or y; auto: a tenth of the image's "
                    + "shorter side",
                .integer(0...1_000_000), mayBeAuto: true, default: .auto, unit: "pixels"),
            ParameterDescription(
                "gap",
                "of method=probabilistic: pixels that may be missing in a row; auto: a hundredth of the image's shorter "
                    + "side",
                .integer(0...1_000_000), mayBeAuto: true, default: .auto, unit: "pixels"),
            MarkColor.parameter, MarkSize.width("the lines"),
            .output([("image", "the lines are drawn over the image")]),
        ],
        result:
            "RGB, or RGBA where there was alpha, at the depth of the input: marked where a pixel's centre is at most half the "
            + "width from a line, or from a segment",
        matches:
            "cv2.HoughLines of the grayscale image, or of cv2.Canny of the image with both limits at `edges`, exactly, the "
            + "strongest line first. method=probabilistic: cv2.HoughLinesP, which draws its points from a generator of fixed "
            + "state, so that both find the same segments; these are in the order of their lengths here. The pixels that are "
            + "not black are gathered on one rank: images of up to 2147483647 pixels, of which 67108864 may be such",
        document: """
            `method`, `edges`, `rho`, `theta`, `threshold`; `truncated`: whether there were more lines than asked for; \
            `lines`: for each its `rho` in pixels with three decimals, its `theta` in degrees with four, and its `votes`, the \
            pixels on it. On a line x cos(theta) + y sin(theta) = rho. With method=probabilistic also `length` and `gap`, and \
            of each segment the ends `x1`, `y1`, `x2`, `y2`
            """)

    package enum Method: String, CaseIterable, Sendable {
        case standard, probabilistic
    }

    /// More cannot be asked for.
    private static let largestLineCount = 1000

    private let method: Method
    private let edges: Double?
    private let rho: Double
    private let theta: Double
    private let threshold: Int?
    private let lineCount: Int?
    private let length: Int?
    private let gap: Int?
    private let color: MarkColor
    private let width: Int?
    public let output: ResultKind

    public init(arguments: OperationArguments) {
        method = arguments.choice("method")
        edges = arguments.numberUnlessAuto("edges")
        rho = arguments.number("rho")
        theta = arguments.number("theta")
        threshold = arguments.integerUnlessAuto("threshold")
        lineCount = arguments.integerUnlessAuto("lines")
        length = arguments.integerUnlessAuto("length")
        gap = arguments.integerUnlessAuto("gap")
        color = arguments.choice("color")
        width = arguments.integerUnlessAuto("width")
        output = arguments.output
    }

    public func computation(for input: ImageShape) throws(PipelineError) -> OperationComputation {
        switch method {
        case .standard: .wholeImage(LineList(search: try search(in: input)))
        case .probabilistic: .wholeImage(try segments(in: input))
        }
    }

    public func report(for input: ImageShape) throws(PipelineError) -> any ReportComputation {
        switch method {
        case .standard: LineList(search: try search(in: input))
        case .probabilistic: try segments(in: input)
        }
    }

    private func segments(in input: ImageShape) throws(PipelineError) -> SegmentList {
        guard input.width * input.height <= SegmentList.maximumPixelCount else {
            throw PipelineError(
                .unsuitableImage,
                "`hough-lines` with method=probabilistic: the image has \(input.width) x \(input.height) pixels; at most "
                    + "\(SegmentList.maximumPixelCount) are allowed; use method=standard, or `resize` before")
        }
        let side = min(input.width, input.height)
        return SegmentList(search: try search(in: input), length: length ?? side / 10, gap: gap ?? side / 100)
    }

    private func search(in input: ImageShape) throws(PipelineError) -> LineSearch {
        let grid = HoughGrid(input, rho: rho, theta: theta)
        guard grid.cellCount <= Self.maximumCellCount else {
            throw PipelineError(
                .unsuitableImage,
                "`hough-lines`: an image of \(input.width) x \(input.height) needs \(grid.cellCount) cells for rho="
                    + "\(ArgumentValue.number(rho)) theta=\(ArgumentValue.number(theta)); at most \(Self.maximumCellCount) are "
                    + "allowed; choose larger steps, or a smaller image")
        }
        let limit =
            edges ?? (input.format.layout.isColor ? Level(value: 150, isGiven: false).at(input.format.depth) : 0)
        return LineSearch(
            grid: grid, edges: Int(limit.rounded(.down)),
            threshold: threshold ?? (method == .standard ? 100 : 50),
            lineCount: lineCount ?? (method == .standard ? 20 : 100), color: color,
            width: width ?? MarkSize.line(input))
    }
}

/// Where lines are sought, how many, and how they are drawn.
package struct LineSearch: Sendable {
    package let grid: HoughGrid
    /// Canny's limit for the edges among which they are sought; 0 for all pixels that are not black.
    package let edges: Int
    package let threshold: Int
    package let lineCount: Int
    package let color: MarkColor
    package let width: Int

    var prelude: [any RowComputation] {
        edges == 0 ? [] : [EdgesBesideImage(ridges: Ridges(size: 3, low: edges, high: edges))]
    }
}

/// The lines that many pixels are on.
package struct LineList: WholeImageComputation, ReportComputation {
    package let search: LineSearch

    package func prelude(for input: ImageShape) -> [any RowComputation] { search.prelude }
    package func outputShape(for input: ImageShape) -> ImageShape { input.color }
}

/// The segments of lines that many pixels are on, by the progressive probabilistic Hough transform (Matas, Galambos and
/// Kittler, 2000).
package struct SegmentList: WholeImageComputation, ReportComputation {
    /// One rank has a bit for each.
    static let maximumPixelCount = Int(Int32.max)

    package let search: LineSearch
    package let length: Int
    package let gap: Int

    package func prelude(for input: ImageShape) -> [any RowComputation] { search.prelude }
    package func outputShape(for input: ImageShape) -> ImageShape { input.color }
}

/// The edges of an image, one pixel wide, and the image. Its rows are those of `EdgeLayout`.
package struct EdgesBesideImage: WindowComputation {
    package let ridges: Ridges

    package var radius: Int { ridges.radius }
    package func outputShape(for input: ImageShape) -> ImageShape { EdgeLayout(image: input).shape }
}

/// Rows of an image together with its edges, as they go from one kernel to the next:
///
///     a byte a pixel, 1 on an edge, else 0 | filled up to a multiple of 8 | the image's row | filled up to a multiple of 8
///
/// To the plan they are rows of gray bytes.
package struct EdgeLayout: Sendable {
    package let image: ImageShape

    package var imageOffset: Int { (image.width + 7) / 8 * 8 }

    package var shape: ImageShape {
        ImageShape(
            width: imageOffset + (image.bytesPerRow + 7) / 8 * 8, height: image.height,
            format: PixelFormat(.gray, .eight))
    }

    package init(image: ImageShape) { self.image = image }
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
