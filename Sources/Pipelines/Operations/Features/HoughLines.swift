/// Finds straight lines by the Hough transform.
public struct HoughLines: FeatureOperation {
    /// Lines beyond the strongest so many are left out.
    public static let maximumLineCount = 1000
    /// Cells of the accumulator; one has 8 bytes where they are summed up.
    static let maximumCellCount = 1 << 24

    public static let description = OperationDescription(
        "hough-lines", family: .features,
        summary: "Finds the straight lines that many pixels that are not black lie on, over the whole image",
        parameters: [
            ParameterDescription(
                "rho", "the resolution of the distance from the top left corner", .number(0.1...100),
                default: .number(1),
                unit: "pixels"),
            ParameterDescription(
                "theta", "the resolution of the angle between a line's normal and the x axis", .number(0.1...90),
                default: .number(1), unit: "degrees"),
            ParameterDescription(
                "threshold", "a line has more pixels on it than that", .integer(1...1_000_000_000),
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

    public func outputShape(for input: ImageShape) throws(PipelineError) -> ImageShape {
        let grid = HoughGrid(input, rho: rho, theta: theta)
        guard grid.cellCount <= Self.maximumCellCount else {
            throw PipelineError(
                .unsuitableImage,
                "`hough-lines`: an image of \(input.width) x \(input.height) needs \(grid.cellCount) cells for rho="
                    + "\(ArgumentValue.number(rho)) theta=\(ArgumentValue.number(theta)); at most \(Self.maximumCellCount) are "
                    + "allowed; choose larger steps, or a smaller image")
        }
        return MarkedImage(input: input).outputShape
    }

    public func kernel(for input: ImageShape) -> OperationKernel { .wholeImage(houghKernel(for: input)) }
    public func reportKernel(for input: ImageShape) -> any ReportKernel { houghKernel(for: input) }

    private func houghKernel(for input: ImageShape) -> HoughKernel {
        HoughKernel(input: input, grid: HoughGrid(input, rho: rho, theta: theta), threshold: threshold)
    }
}

/// The cells in which the lines through each pixel are counted: an angle, and a distance from the top left corner.
///
/// In the precision of OpenCV's `HoughLines`, so that pixels near the border of two cells fall the same way.
struct HoughGrid: Sendable {
    let rho: Double
    let theta: Double
    let angleCount: Int
    let distanceCount: Int
    /// For each angle, a distance a pixel of x and y.
    private let steps: [(x: Float, y: Float)]

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
        let scale = Double(1 / Float(rho))
        var angle = Float(0)
        steps = (0..<count).map { _ in
            let (cosine, sine) = direction(degrees: Double(angle) * (180 / Double.pi))
            angle += Float(radians)
            return (Float(cosine * scale), Float(sine * scale))
        }
    }

    var cellCount: Int { angleCount * distanceCount }

    /// The distances of the lines through some pixels, as indices of cells.
    func measure(_ angle: Int, _ places: HoughPlaces, into distances: UnsafeMutablePointer<Int32>) {
        let (step, middle) = (steps[angle], Int32((distanceCount - 1) / 2))
        let (x, y) = (places.x, places.y)
        for index in 0..<places.count {
            // Leaves no bits for a fraction: rounds to nearest, ties to even.
            let distance = (x[index] * step.x + y[index] * step.y + 0x1.8p23) - 0x1.8p23
            distances[index] = Int32(distance) &+ middle
        }
    }

    /// The distance in pixels that the cell of that index stands for.
    func rho(ofDistance index: Int) -> Double { Double(index - (distanceCount - 1) / 2) * rho }
    func theta(ofAngle index: Int) -> Double { Double(index) * theta }
}

/// A line that was found.
private struct HoughLine {
    let angle: Int
    let distance: Int
    let votes: Int
}

/// The value is the lines: `u32` lines, for each a `u32` angle and a `u32` distance.
private struct HoughKernel: WholeImageKernel, ReportKernel {
    let input: ImageShape
    let grid: HoughGrid
    let threshold: Int

    var prelude: [any RowKernel] { [] }
    var outputShape: ImageShape { MarkedImage(input: input).outputShape }
    var summarisedShape: ImageShape { input }
    var finishesRowByRow: Bool { true }

    func summarise(_ rows: Band) -> [UInt8] {
        // No cell counts more than all pixels.
        rows.rows.count * input.width <= Int(UInt32.max)
            ? votes(rows, UInt32.self).bytes : votes(rows, UInt64.self).bytes
    }

    private func votes<Count: FixedWidthInteger & UnsignedInteger>(_ rows: Band, _: Count.Type) -> HoughVotes<Count> {
        var votes = HoughVotes<Count>(grid)
        let foreground = ForegroundRow(input)
        var places = HoughPlaces(rowWidth: input.width)
        defer {
            foreground.deallocate()
            places.deallocate()
        }
        for y in rows.rows {
            places.append(foreground.read(rows, y), y: y)
            if places.isFull { votes.add(&places) }
        }
        votes.add(&places)
        return votes
    }

    func combine(_ summaries: [[UInt8]]) throws(PipelineError) -> [UInt8] {
        try HoughVotes<UInt64>(adding: summaries, grid).bytes
    }

    func resolve(_ summaries: [[UInt8]]) throws(PipelineError) -> [[UInt8]] {
        let lines = try lines(summaries).prefix(HoughLines.maximumLineCount)
        var writer = ByteWriter()
        writer.write(UInt32(lines.count))
        for line in lines {
            writer.write(UInt32(line.angle))
            writer.write(UInt32(line.distance))
        }
        return Array(repeating: writer.bytes, count: summaries.count)
    }

    func refine(_ value: [UInt8], strips summaries: [[UInt8]]) -> [[UInt8]] {
        Array(repeating: value, count: summaries.count)
    }

    /// The cells above the threshold that no neighbour exceeds, the strongest first.
    private func lines(_ summaries: [[UInt8]]) throws(PipelineError) -> [HoughLine] {
        let votes = try HoughVotes<UInt64>(adding: summaries, grid)
        var lines: [HoughLine] = []
        for angle in 0..<grid.angleCount {
            for distance in 0..<grid.distanceCount {
                let own = votes[angle, distance]
                if own > threshold && own > votes[angle, distance - 1] && own >= votes[angle, distance + 1]
                    && own > votes[angle - 1, distance] && own >= votes[angle + 1, distance]
                {
                    lines.append(HoughLine(angle: angle, distance: distance, votes: own))
                }
            }
        }
        return lines.sorted { ($1.votes, $0.angle, $0.distance) < ($0.votes, $1.angle, $1.distance) }
    }

    func document(_ summaries: [[UInt8]]) throws(PipelineError) -> [UInt8] {
        let lines = try lines(summaries)
        var text = JSONText("hough-lines", width: input.width, height: input.height)
        text.add("rho", raw: "\(ArgumentValue.number(grid.rho))")
        text.add("theta", raw: "\(ArgumentValue.number(grid.theta))")
        text.add("threshold", threshold)
        text.add("truncated", lines.count > HoughLines.maximumLineCount)
        text.add("lines", lines.prefix(HoughLines.maximumLineCount)) { line in
            "{\"rho\": \(JSONText.fixed(grid.rho(ofDistance: line.distance), decimals: 3)), \"theta\": "
                + "\(JSONText.fixed(grid.theta(ofAngle: line.angle), decimals: 4)), \"votes\": \(line.votes)}"
        }
        return text.document
    }

    func finish(_ rows: Band, value: [UInt8], to output: MutableBand) throws(PipelineError) {
        var reader = ByteReader(value, name: "a value of hough-lines")
        var lines: [(normal: (cosine: Double, sine: Double), rho: Double)] = []
        for _ in 0..<(try reader.read(UInt32.self)) {
            let (angle, distance) = (Int(try reader.read(UInt32.self)), Int(try reader.read(UInt32.self)))
            guard angle < grid.angleCount, distance < grid.distanceCount else {
                throw reader.refused("the line (\(angle), \(distance)) is out of place")
            }
            lines.append((direction(degrees: grid.theta(ofAngle: angle)), grid.rho(ofDistance: distance)))
        }
        try reader.finish()
        let image = MarkedImage(input: input)
        for y in output.rows {
            let marks = lines.map { line in pixels(line.normal, line.rho, y: y) }
            image.draw(UnsafeRawPointer(rows.row(y, as: UInt8.self)), to: output, y, marks: marks)
        }
    }

    /// The pixels of row `y` that are at most half a pixel from a line; maybe outside the image.
    private func pixels(_ normal: (cosine: Double, sine: Double), _ rho: Double, y: Int) -> Range<Int> {
        let rest = rho - Double(y) * normal.sine
        if normal.cosine.magnitude * Double(input.width) < 1e-9 {
            return rest.magnitude <= 0.5 ? 0..<input.width : 0..<0
        }
        let ends = [(rest - 0.5) / normal.cosine, (rest + 0.5) / normal.cosine]
        let limit = Double(input.width)
        let first = min(max(min(ends[0], ends[1]).rounded(.up), 0), limit)
        let last = min(max(max(ends[0], ends[1]).rounded(.down), -1), limit)
        return Int(first)..<max(Int(first), Int(last) + 1)
    }
}
