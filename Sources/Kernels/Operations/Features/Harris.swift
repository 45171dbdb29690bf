import ByteCoding
import Pipelines

extension HarrisResponse: RowKernelProviding {
    func kernel(for step: RowStep) -> any RowKernel {
        HarrisResponseKernel(input: step.input, block: block, aperture: aperture, k: k)
    }
}

extension LocalMaxima: RowKernelProviding {
    func kernel(for step: RowStep) -> any RowKernel { LocalMaximumKernel(layout: ResponseLayout(image: image)) }
}

extension CornerList: WholeImageKernelProviding, ReportKernelProviding {
    func kernel(for step: WholeImageStep) -> any WholeImageKernel { kernel(step.input) }
    func kernel(for step: ReportStep) -> any ReportKernel { kernel(step.input) }

    private func kernel(_ input: ImageShape) -> CornerKernel {
        CornerKernel(
            layout: ResponseLayout(image: input),
            arguments: [
                ("block", "\(response.block)"), ("aperture", "\(response.aperture)"),
                ("k", "\(ArgumentValue.number(response.k))"), ("threshold", "\(ArgumentValue.number(threshold))"),
            ], threshold: threshold, image: MarkedImage(input: input, color: color), size: size)
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
    /// The arguments, for the document.
    let arguments: [(name: String, json: String)]
    let threshold: Double
    let image: MarkedImage
    /// The side of a cross.
    let size: Int

    var outputShape: ImageShape { image.outputShape }

    func aggregate(_ rows: RowsView) -> [UInt8] {
        var found = FoundCorners(threshold: threshold)
        for y in rows.rows {
            let responses = layout.responses(rows, y)
            for x in 0..<layout.image.width where responses[x] > 0 {
                found.add(Corner(x: UInt32(x), y: UInt32(y), response: responses[x]))
            }
        }
        return found.bytes
    }

    func merge(_ partials: [[UInt8]]) throws(PipelineError) -> [UInt8] {
        var found = try found(partials)
        return found.bytes
    }

    private func found(_ partials: [[UInt8]]) throws(PipelineError) -> FoundCorners {
        var found = FoundCorners(threshold: threshold)
        for summary in partials { try found.add(summary, image: layout.image) }
        return found
    }

    func finalize(_ partials: [[UInt8]]) throws(PipelineError) -> [[UInt8]] {
        Array(repeating: try merge(partials), count: partials.count)
    }

    func refine(_ value: [UInt8], strips partials: [[UInt8]]) -> [[UInt8]] {
        Array(repeating: value, count: partials.count)
    }

    func document(_ partials: [[UInt8]]) throws(PipelineError) -> [UInt8] {
        var found = try found(partials)
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

    func apply(_ value: [UInt8], to input: RowsView, into output: MutableRowsView) throws(PipelineError) {
        var found = try found([value])
        let corners = found.strongest.map { (x: Int($0.x), y: Int($0.y)) }.sorted { $0.y < $1.y }
        // The lines of a cross: one pixel wide up to a side of 13.
        let (reach, half) = (size / 2, size / 14)
        var first = corners.startIndex
        for y in output.rows {
            // The corners whose crosses reach row y.
            while first < corners.endIndex && corners[first].y < y - reach { first += 1 }
            let near = corners[first...].prefix { $0.y <= y + reach }
            let marks = near.map { corner in
                let side = abs(corner.y - y) <= half ? reach : half
                return corner.x - side..<corner.x + side + 1
            }
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
            var writer = BinaryWriter(capacity: 9 + 12 * corners.count)
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
        var reader = PartialReader(summary, name: "a summary of harris")
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
