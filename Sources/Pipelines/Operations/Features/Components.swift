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

    public func outputShape(for input: ImageShape) -> ImageShape {
        ImageShape(width: input.width, height: input.height, format: PixelFormat(.gray, .sixteen))
    }

    public func kernel(for input: ImageShape) -> OperationKernel {
        .wholeImage(ComponentsKernel(input: input, outputShape: outputShape(for: input), connectivity: connectivity))
    }

    public func reportKernel(for input: ImageShape) -> any ReportKernel {
        ComponentsKernel(input: input, outputShape: outputShape(for: input), connectivity: connectivity)
    }
}

/// A part's value is the label of each of its regions, in the order of their first pixels in the part: `u16` each.
private struct ComponentsKernel: WholeImageKernel, ReportKernel {
    let input: ImageShape
    let outputShape: ImageShape
    let connectivity: Int

    var prelude: [any RowKernel] { [] }
    var summarisedShape: ImageShape { input }
    var finishesRowByRow: Bool { false }

    func summarise(_ rows: Band) -> [UInt8] {
        var regions = PartRegions(connectivity: connectivity)
        forEachRow(rows) { regions.append($0, width: input.width, y: $1) }
        return regions.summary(width: input.width).bytes
    }

    private func forEachRow(_ rows: Band, _ body: (_ foreground: UnsafePointer<UInt8>, _ y: Int) -> Void) {
        let foreground = ForegroundRow(input)
        defer { foreground.deallocate() }
        for y in rows.rows { body(foreground.read(rows, y), y) }
    }

    private func joined(_ summaries: [[UInt8]]) throws(PipelineError) -> JoinedRegions {
        try JoinedRegions(summaries, shape: input, connectivity: connectivity)
    }

    func combine(_ summaries: [[UInt8]]) throws(PipelineError) -> [UInt8] {
        var joined = try joined(summaries)
        return joined.summary(width: input.width).bytes
    }

    func resolve(_ summaries: [[UInt8]]) throws(PipelineError) -> [[UInt8]] {
        let joined = try labelled(summaries)
        return joined.parts.map { part in bytes(part.regions.map { UInt16(joined.numbers[$0] + 1) }) }
    }

    func refine(_ value: [UInt8], strips summaries: [[UInt8]]) throws(PipelineError) -> [[UInt8]] {
        let joined = try joined(summaries)
        let labels = try read(value, count: joined.count)
        return joined.parts.map { part in bytes(part.regions.map { labels[joined.numbers[$0]] }) }
    }

    func document(_ summaries: [[UInt8]]) throws(PipelineError) -> [UInt8] {
        let regions = try labelled(summaries).regions
        var text = JSONText("components", width: input.width, height: input.height)
        text.add("connectivity", connectivity)
        text.add("count", regions.count)
        text.add("components", regions.indices) { index in regions[index].json(label: index + 1) }
        return text.document
    }

    /// - Throws: when there are more regions than labels.
    private func labelled(_ summaries: [[UInt8]]) throws(PipelineError) -> JoinedRegions {
        let joined = try joined(summaries)
        guard !joined.isOverLimit, joined.count <= Components.maximumCount else {
            throw PipelineError(
                .unsuitableImage,
                "`components`: the image has more than \(Components.maximumCount) regions; remove noise before, by `median` "
                    + "or `open`, or choose a higher `threshold`")
        }
        return joined
    }

    private func bytes(_ labels: [UInt16]) -> [UInt8] { labels.map(\.littleEndian).withUnsafeBytes { Array($0) } }

    private func read(_ value: [UInt8], count: Int) throws(PipelineError) -> [UInt16] {
        var reader = ByteReader(value, name: "a value of components")
        var labels: [UInt16] = []
        for _ in 0..<count { labels.append(try reader.read(UInt16.self)) }
        try reader.finish()
        return labels
    }

    func finish(_ rows: Band, value: [UInt8], to output: MutableBand) throws(PipelineError) {
        var regions = PartRegions(connectivity: connectivity)
        forEachRow(rows) { regions.append($0, width: input.width, y: $1) }
        let numbers = regions.numbers
        let labels = try read(value, count: regions.count)
        for (index, y) in output.rows.enumerated() {
            let target: UnsafeMutablePointer<UInt16> = output.row(y)
            target.update(repeating: 0, count: input.width)
            for run in regions.row(index) {
                (target + run.start).update(repeating: labels[numbers[Int(run.region)]], count: run.end - run.start)
            }
        }
    }
}
