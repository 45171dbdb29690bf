/// Finds corners by Harris and Stephens' response.
public struct Harris: FeatureOperation {
    /// Corners beyond the strongest so many are left out.
    public static let maximumCornerCount = 10_000

    public static let description = OperationDescription(
        "harris", family: .features,
        summary:
            "Finds corners: local maxima of Harris' response above a share of the largest one, over the whole image",
        parameters: [
            ParameterDescription(
                "block", "the side of the window over which gradients are compared", .integer(2...31),
                default: .integer(2), unit: "pixels"),
            ParameterDescription(
                "aperture", "the side of Sobel's window", .oddInteger(3...7), default: .integer(3), unit: "pixels"),
            ParameterDescription(
                "k", "how much the trace counts: det - k * trace^2", .number(0...1), default: .number(0.04)),
            ParameterDescription(
                "threshold", "the share of the largest response that a corner is above", .number(0...1),
                default: .number(0.01)),
            .output(image: "the corners are drawn over the image"),
        ],
        result:
            "RGB, or RGBA where there was alpha, at the depth of the input, with a red cross of 5 x 5 pixels on each corner. "
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
    public let output: ResultKind

    public init(arguments: OperationArguments) {
        block = arguments.integer("block")
        aperture = arguments.integer("aperture")
        k = arguments.number("k")
        threshold = arguments.number("threshold")
        output = arguments.output
    }

    public func outputShape(for input: ImageShape) -> ImageShape { MarkedImage(input: input).outputShape }
    public func kernel(for input: ImageShape) -> OperationKernel { .wholeImage(cornerKernel(for: input)) }
    public func reportKernel(for input: ImageShape) -> any ReportKernel { cornerKernel(for: input) }

    private func cornerKernel(for input: ImageShape) -> CornerKernel {
        let response = HarrisResponseKernel(input: input, block: block, aperture: aperture, k: k)
        return CornerKernel(
            layout: response.layout, prelude: [response, LocalMaximumKernel(layout: response.layout)],
            arguments: [
                ("block", "\(block)"), ("aperture", "\(aperture)"), ("k", "\(ArgumentValue.number(k))"),
                ("threshold", "\(ArgumentValue.number(threshold))"),
            ], threshold: threshold)
    }
}

/// A corner that was found.
private struct Corner {
    let x: UInt32
    let y: UInt32
    let response: Float

    static func isStronger(_ left: Corner, _ right: Corner) -> Bool {
        (right.response, left.y, left.x) < (left.response, right.y, right.x)
    }
}

/// Summary and value are corners: `f32` largest response | `u8` more than there is room for? | `u32` corners, each, the
/// strongest first, `u32` x, `u32` y, `f32` response.
private struct CornerKernel: WholeImageKernel, ReportKernel {
    let layout: ResponseLayout
    let prelude: [any RowKernel]
    /// As the document repeats them.
    let arguments: [(name: String, json: String)]
    let threshold: Double

    var summarisedShape: ImageShape { layout.shape }
    var outputShape: ImageShape { MarkedImage(input: layout.image).outputShape }
    var finishesRowByRow: Bool { true }

    func summarise(_ rows: Band) -> [UInt8] {
        var found = FoundCorners(threshold: threshold)
        for y in rows.rows {
            let responses = layout.responses(rows, y)
            for x in 0..<layout.image.width where responses[x] > 0 {
                found.add(Corner(x: UInt32(x), y: UInt32(y), response: responses[x]))
            }
        }
        return found.bytes
    }

    func combine(_ summaries: [[UInt8]]) throws(PipelineError) -> [UInt8] {
        var found = try found(summaries)
        return found.bytes
    }

    private func found(_ summaries: [[UInt8]]) throws(PipelineError) -> FoundCorners {
        var found = FoundCorners(threshold: threshold)
        for summary in summaries { try found.add(summary, image: layout.image) }
        return found
    }

    func resolve(_ summaries: [[UInt8]]) throws(PipelineError) -> [[UInt8]] {
        Array(repeating: try combine(summaries), count: summaries.count)
    }

    func refine(_ value: [UInt8], strips summaries: [[UInt8]]) -> [[UInt8]] {
        Array(repeating: value, count: summaries.count)
    }

    func document(_ summaries: [[UInt8]]) throws(PipelineError) -> [UInt8] {
        var found = try found(summaries)
        let corners = found.strongest.sorted { ($0.y, $0.x) < ($1.y, $1.x) }
        let largest = Double(found.largest)
        var text = JSONText("harris", width: layout.image.width, height: layout.image.height)
        for (name, json) in arguments { text.add(name, raw: json) }
        text.add("truncated", found.isTruncated)
        text.add("corners", corners) { corner in
            let strength = JSONText.fixed(Double(corner.response) / largest, decimals: 6)
            return "{\"x\": \(corner.x), \"y\": \(corner.y), \"strength\": \(strength)}"
        }
        return text.document
    }

    func finish(_ input: Band, value: [UInt8], to output: MutableBand) throws(PipelineError) {
        var found = try found([value])
        let corners = found.strongest.map { (x: Int($0.x), y: Int($0.y)) }.sorted { $0.y < $1.y }
        let image = MarkedImage(input: layout.image)
        for y in output.rows {
            // The corners whose crosses reach row y.
            let near = corners[(corners.firstIndex { $0.y >= y - 2 } ?? corners.endIndex)...].prefix { $0.y <= y + 2 }
            let marks = near.map { $0.y == y ? $0.x - 2..<$0.x + 3 : $0.x..<$0.x + 1 }
            image.draw(layout.imageRow(input, y), to: output, y, marks: marks)
        }
    }
}

/// The strongest corners seen so far.
private struct FoundCorners {
    private let threshold: Double
    private(set) var largest: Float = 0
    /// There were more above the threshold.
    private var isOverLimit = false
    private var corners: [Corner] = []

    init(threshold: Double) { self.threshold = threshold }

    mutating func add(_ corner: Corner) {
        largest = max(largest, corner.response)
        guard Double(corner.response) > threshold * Double(largest) else { return }
        corners.append(corner)
        if corners.count > 8 * Harris.maximumCornerCount { prune() }
    }

    /// Drops what is not above the threshold, and the weakest above the limit; the others are in order then.
    private mutating func prune() {
        corners.removeAll { Double($0.response) <= threshold * Double(largest) }
        corners.sort(by: Corner.isStronger)
        if corners.count > Harris.maximumCornerCount {
            isOverLimit = true
            corners.removeLast(corners.count - Harris.maximumCornerCount)
        }
    }

    /// At most `Harris.maximumCornerCount`, the strongest first.
    var strongest: [Corner] {
        mutating get {
            prune()
            return corners
        }
    }

    /// Whether corners above the threshold were left out. Those kept are all stronger than any left out: when even they are
    /// not all above the threshold, nothing is missing.
    var isTruncated: Bool {
        mutating get {
            prune()
            return isOverLimit && corners.count == Harris.maximumCornerCount
        }
    }

    var bytes: [UInt8] {
        mutating get {
            let isTruncated = isTruncated
            var writer = ByteWriter(capacity: 9 + 12 * corners.count)
            writer.write(largest.bitPattern)
            writer.write(UInt8(isTruncated ? 1 : 0))
            writer.write(UInt32(corners.count))
            for corner in corners {
                writer.write(corner.x)
                writer.write(corner.y)
                writer.write(corner.response.bitPattern)
            }
            return writer.bytes
        }
    }

    mutating func add(_ summary: [UInt8], image: ImageShape) throws(PipelineError) {
        var reader = ByteReader(summary, name: "a summary of harris")
        let itsLargest = Float(bitPattern: try reader.read())
        let truncated = try reader.read(UInt8.self)
        let count = try reader.read(UInt32.self)
        guard itsLargest.isFinite, itsLargest >= 0, truncated <= 1, count <= Harris.maximumCornerCount else {
            throw reader.refused("it has a response of \(itsLargest) and \(count) corners")
        }
        largest = max(largest, itsLargest)
        if truncated == 1 { isOverLimit = true }
        for _ in 0..<count {
            let corner = Corner(
                x: try reader.read(), y: try reader.read(), response: Float(bitPattern: try reader.read()))
            guard corner.x < image.width, corner.y < image.height, corner.response > 0, corner.response <= itsLargest
            else { throw reader.refused("the corner (\(corner.x), \(corner.y)) is out of place") }
            add(corner)
        }
        try reader.finish()
    }
}
