import Pipelines

extension BorderMarks: RowKernelProviding {
    func kernel(for step: RowStep) -> any RowKernel {
        BorderKernel(image: MarkedImage(input: step.input, color: color), reach: reach)
    }
}

extension NeighborMasks: RowKernelProviding {
    func kernel(for step: RowStep) -> any RowKernel { NeighborKernel(input: step.input) }
}

extension BorderList: ReportKernelProviding {
    func kernel(for step: ReportStep) -> any ReportKernel { ContourKernel(input: step.input) }
}

/// Marks the pixels that belong to a border, and those around them.
private struct BorderKernel: RowKernel {
    let image: MarkedImage
    /// Rows and columns around a border's pixel that are marked too.
    let reach: Int

    var outputShape: ImageShape { image.outputShape }

    func apply(_ band: RowsView, to output: MutableRowsView) {
        let neighbors = NeighborKernel(input: image.input)
        let near =
            max(0, output.rows.lowerBound - reach)..<min(image.input.height, output.rows.upperBound + reach)
        let masks = RowBuffer(shape: neighbors.outputShape, rows: near)
        neighbors.apply(band, to: masks.mutableView)
        // For each column, how many of the rows within reach have a border there.
        var counts = [Int32](repeating: 0, count: image.input.width)
        var marks: [Range<Int>] = []
        withExtendedLifetime(masks) {
            func count(_ y: Int, _ change: Int32) {
                guard near.contains(y) else { return }
                let row: UnsafePointer<UInt16> = masks.view.row(y)
                for x in 0..<image.input.width where Neighbors(row[x]).isOnBorder { counts[x] += change }
            }
            for y in output.rows.lowerBound - reach..<output.rows.lowerBound + reach { count(y, 1) }
            for y in output.rows {
                count(y + reach, 1)
                marks.removeAll(keepingCapacity: true)
                for x in 0..<image.input.width where counts[x] > 0 { marks.append(x - reach..<x + reach + 1) }
                image.draw(UnsafeRawPointer(band.row(y, as: UInt8.self)), to: output, y, marks: marks)
                count(y - reach, -1)
            }
        }
    }
}

/// Which of a pixel and its eight neighbours are foreground; nothing outside the image is.
struct Neighbors {
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

/// Gathers `Neighbors` for each pixel, as 16-bit gray.
struct NeighborKernel: RowKernel {
    let input: ImageShape

    var outputShape: ImageShape {
        ImageShape(width: input.width, height: input.height, format: PixelFormat(.gray, .sixteen))
    }

    func apply(_ band: RowsView, to output: MutableRowsView) {
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

extension NeighborKernel {
    /// Written out by `Neighbors.places`, as the compiler turns it into vectors. The rows are of zeros and ones.
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

    func aggregate(_ rows: RowsView) -> [UInt8] { BorderPaths(following: rows).bytes }

    func merge(_ partials: [[UInt8]]) throws(PipelineError) -> [UInt8] {
        try BorderPaths(joining: partials, shape: input).bytes
    }

    func document(_ partials: [[UInt8]]) throws(PipelineError) -> [UInt8] {
        let paths = try BorderPaths(joining: partials, shape: input)
        guard !paths.isOverLimit else {
            throw PipelineError(
                .unsuitableImage,
                "`contours`: the borders have more than \(Contours.maximumStepCount) steps; remove noise before, by `median` or "
                    + "`open`, or choose a higher `threshold`")
        }
        guard paths.open.isEmpty else {
            throw PipelineError(
                .badPartialResult, "the partials of contours leave a border open; compute the chunks again")
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
