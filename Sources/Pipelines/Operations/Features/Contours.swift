/// Follows the borders of an image's regions.
public struct Contours: FeatureOperation {
    /// More are refused: the document names each pixel of a border.
    public static let maximumStepCount = 4_000_000

    public static let description = OperationDescription(
        "contours", family: .features,
        summary: "Follows the borders of the regions of pixels that are not black, outside and around holes",
        parameters: [.output(image: "the borders are drawn over the image")],
        result:
            "RGB, or RGBA where there was alpha, at the depth of the input: red where a pixel that is not black has a black one, "
            + "or the outside of the image, above, below, left or right of it",
        matches:
            "cv2.findContours of the grayscale image with RETR_LIST and CHAIN_APPROX_NONE: the same contours, each from the same "
            + "pixel in the same direction, in the order of their first pixels; as an image, cv2.drawContours of all of them",
        document: """
            `count`; `contours`: for each, by its first pixel, its `kind`, `outer` or `hole`, and `points`, the pixels of the \
            border one after the other as [x, y]; where a region is one pixel wide, both ways. Regions are 8-connected, holes \
            4-connected
            """)

    public let output: ResultKind

    public init(arguments: OperationArguments) { output = arguments.output }

    public func outputShape(for input: ImageShape) -> ImageShape { MarkedImage(input: input).outputShape }
    public func kernel(for input: ImageShape) -> OperationKernel { .rows([BorderKernel(input: input)]) }
    public func reportKernel(for input: ImageShape) -> any ReportKernel { ContourKernel(input: input) }
}

/// Marks the pixels that belong to a border.
private struct BorderKernel: RowKernel {
    let input: ImageShape

    var outputShape: ImageShape { MarkedImage(input: input).outputShape }
    func inputRows(for wanted: Range<Int>) -> Range<Int> { rows(wanted, widenedBy: 1, in: input) }

    func apply(_ band: Band, to output: MutableBand) {
        let neighbours = NeighbourKernel(input: input)
        let masks = RowBuffer(shape: neighbours.outputShape, rows: output.rows)
        neighbours.apply(band, to: masks.mutableBand)
        let image = MarkedImage(input: input)
        var marks: [Range<Int>] = []
        withExtendedLifetime(masks) {
            for y in output.rows {
                let row: UnsafePointer<UInt16> = masks.band.row(y)
                marks.removeAll(keepingCapacity: true)
                for x in 0..<input.width where Neighbours(row[x]).isOnBorder { marks.append(x..<x + 1) }
                image.draw(UnsafeRawPointer(band.row(y, as: UInt8.self)), to: output, y, marks: marks)
            }
        }
    }
}

/// Which of a pixel and its eight neighbours are foreground; outside the image, none is.
struct Neighbours {
    private let bits: UInt16

    init(_ bits: UInt16) { self.bits = bits }

    static let own: UInt16 = 1 << 8
    /// The neighbours clockwise from the east; even ones share a side with the pixel.
    static let places: [(dx: Int, dy: Int)] = [
        (1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1),
    ]

    var isForeground: Bool { bits & Self.own != 0 }

    /// Whether the neighbour at that place, counted round and round, is foreground.
    @inline(__always)
    subscript(_ place: Int) -> Bool { bits >> UInt16(place & 7) & 1 != 0 }

    var isOnBorder: Bool { isForeground && bits & 0b0101_0101 != 0b0101_0101 }
}

/// Gathers `Neighbours` for each pixel, as 16-bit gray.
struct NeighbourKernel: RowKernel {
    let input: ImageShape

    var outputShape: ImageShape {
        ImageShape(width: input.width, height: input.height, format: PixelFormat(.gray, .sixteen))
    }

    func inputRows(for wanted: Range<Int>) -> Range<Int> { rows(wanted, widenedBy: 1, in: input) }

    func apply(_ band: Band, to output: MutableBand) {
        let width = input.width
        let foreground = ForegroundRow(input)
        // Three rows with an empty pixel to the left and right.
        let stride = width + 2
        let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: 3 * stride)
        memory.initialize(repeating: 0, count: 3 * stride)
        defer {
            foreground.deallocate()
            memory.deallocate()
        }
        func slot(_ y: Int) -> UnsafeMutablePointer<UInt8> { memory + (y + 3) % 3 * stride + 1 }
        func load(_ y: Int) {
            if y < 0 || y >= input.height {
                slot(y).update(repeating: 0, count: width)
            } else {
                slot(y).update(from: foreground.read(band, y), count: width)
            }
        }
        load(output.rows.lowerBound - 1)
        load(output.rows.lowerBound)
        for y in output.rows {
            load(y + 1)
            gather(slot(y - 1), slot(y), slot(y + 1), to: output.row(y))
        }
    }
}

extension NeighbourKernel {
    /// Written out by `Neighbours.places`, as the compiler turns it into vectors. The rows are of zeros and ones.
    private func gather(
        _ above: UnsafePointer<UInt8>, _ own: UnsafePointer<UInt8>, _ below: UnsafePointer<UInt8>,
        to target: UnsafeMutablePointer<UInt16>
    ) {
        for x in 0..<input.width {
            let lower = UInt16(own[x + 1]) | UInt16(below[x + 1]) &<< 1 | UInt16(below[x]) &<< 2
            let left = UInt16(below[x - 1]) &<< 3 | UInt16(own[x - 1]) &<< 4 | UInt16(above[x - 1]) &<< 5
            let upper = UInt16(above[x]) &<< 6 | UInt16(above[x + 1]) &<< 7
            target[x] = lower | left | upper | UInt16(own[x]) &<< 8
        }
    }
}

/// Gathers the borders of an image from those of its parts.
private struct ContourKernel: ReportKernel {
    let input: ImageShape

    var prelude: [any RowKernel] { [NeighbourKernel(input: input)] }
    var summarisedShape: ImageShape { NeighbourKernel(input: input).outputShape }

    func summarise(_ rows: Band) -> [UInt8] { BorderPaths(following: rows).bytes }

    func combine(_ summaries: [[UInt8]]) throws(PipelineError) -> [UInt8] {
        try BorderPaths(joining: summaries, shape: input).bytes
    }

    func document(_ summaries: [[UInt8]]) throws(PipelineError) -> [UInt8] {
        let paths = try BorderPaths(joining: summaries, shape: input)
        guard !paths.isOverLimit else {
            throw PipelineError(
                .unsuitableImage,
                "`contours`: the borders have more than \(Contours.maximumStepCount) steps; remove noise before, by `median` or "
                    + "`open`, or choose a higher `threshold`")
        }
        guard paths.open.isEmpty else {
            throw PipelineError(
                .badPartialResult, "the summaries of contours leave a border open; compute the chunks again")
        }
        let contours = paths.closed.map { $0.contour(width: input.width) }.sorted { left, right in
            (left.first.y, left.first.x, left.isHole ? 1 : 0) < (right.first.y, right.first.x, right.isHole ? 1 : 0)
        }
        var text = JSONText("contours", width: input.width, height: input.height)
        text.add("count", contours.count)
        text.add("contours", contours) { contour in
            let points = contour.points.map { "[\($0.x), \($0.y)]" }.joined(separator: ", ")
            return "{\"kind\": \"\(contour.isHole ? "hole" : "outer")\", \"points\": [\(points)]}"
        }
        return text.document
    }
}
