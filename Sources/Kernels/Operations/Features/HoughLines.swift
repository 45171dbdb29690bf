import ByteCoding
import Pipelines

extension LineList: WholeImageKernelProviding, ReportKernelProviding {
    func kernel(for step: WholeImageStep) -> any WholeImageKernel { HoughKernel(input: step.input, search: search) }
    func kernel(for step: ReportStep) -> any ReportKernel { HoughKernel(input: step.input, search: search) }
}

/// The directions of a grid's lines.
struct HoughDirections {
    private let grid: HoughGrid
    /// For each angle, a distance per pixel of x and y.
    private let steps: [(x: Float, y: Float)]

    /// - Parameter isSummed: whether each angle is the one before and the resolution, in single precision, as for OpenCV's
    ///   `HoughLines`; else a multiple of the resolution, as for its `HoughLinesP`.
    init(_ grid: HoughGrid, isSummed: Bool = true) {
        self.grid = grid
        let radians = Float(grid.theta * Double.pi / 180)
        let scale = Double(1 / Float(grid.rho))
        var sum = Float(0)
        steps = (0..<grid.angleCount).map { index in
            let angle = isSummed ? Double(sum) : Double(index) * Double(radians)
            let (cosine, sine) = direction(degrees: angle * (180 / Double.pi))
            sum += radians
            return (Float(cosine * scale), Float(sine * scale))
        }
    }

    /// The distance of the line through one pixel, as the index of its cell.
    @inline(__always)
    func distance(_ angle: Int, x: Int, y: Int) -> Int {
        let step = steps[angle]
        let distance = (Float(x) * step.x + Float(y) * step.y + 0x1.8p23) - 0x1.8p23
        return Int(distance) + (grid.distanceCount - 1) / 2
    }

    /// A distance per pixel of x and y: the normal of the angle's lines, divided by the resolution.
    func step(_ angle: Int) -> (x: Float, y: Float) { steps[angle] }

    /// The distances of the lines through some pixels, as indices of cells.
    func measure(_ angle: Int, _ places: HoughPlaces, into distances: UnsafeMutablePointer<Int32>) {
        let (step, middle) = (steps[angle], Int32((grid.distanceCount - 1) / 2))
        let (x, y) = (places.x, places.y)
        for index in 0..<places.count {
            // Leaves no bits for a fraction: rounds to nearest, ties to even.
            let distance = (x[index] * step.x + y[index] * step.y + 0x1.8p23) - 0x1.8p23
            distances[index] = Int32(distance) &+ middle
        }
    }
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
    let search: LineSearch

    private var grid: HoughGrid { search.grid }

    func aggregate(_ rows: RowsView) -> [UInt8] {
        // No cell counts more than all pixels.
        rows.rows.count * input.width <= Int(UInt32.max)
            ? votes(rows, UInt32.self).bytes : votes(rows, UInt64.self).bytes
    }

    private func votes<Count: FixedWidthInteger & UnsignedInteger>(_ rows: RowsView, _: Count.Type) -> HoughVotes<Count>
    {
        var votes = HoughVotes<Count>(grid)
        let pixels = LinePixels(input, search)
        var places = HoughPlaces(rowWidth: input.width)
        defer {
            pixels.deallocate()
            places.deallocate()
        }
        for y in rows.rows {
            places.append(pixels.read(rows, y), y: y)
            if places.isFull { votes.add(&places) }
        }
        votes.add(&places)
        return votes
    }

    func merge(_ partials: [[UInt8]]) throws(PipelineError) -> [UInt8] {
        try HoughVotes<UInt64>(adding: partials, grid).bytes
    }

    func finalize(_ partials: [[UInt8]]) throws(PipelineError) -> [[UInt8]] {
        let lines = try lines(partials).prefix(search.lineCount)
        var writer = BinaryWriter()
        writer.write(UInt32(lines.count))
        for line in lines {
            writer.write(UInt32(line.angle))
            writer.write(UInt32(line.distance))
        }
        return Array(repeating: writer.bytes, count: partials.count)
    }

    func refine(_ value: [UInt8], strips partials: [[UInt8]]) -> [[UInt8]] {
        Array(repeating: value, count: partials.count)
    }

    /// The cells above the threshold that no neighbour exceeds, the strongest first.
    private func lines(_ partials: [[UInt8]]) throws(PipelineError) -> [HoughLine] {
        let votes = try HoughVotes<UInt64>(adding: partials, grid)
        var lines: [HoughLine] = []
        for angle in 0..<grid.angleCount {
            for distance in 0..<grid.distanceCount {
                let own = votes[angle, distance]
                if own > search.threshold && own > votes[angle, distance - 1] && own >= votes[angle, distance + 1]
                    && own > votes[angle - 1, distance] && own >= votes[angle + 1, distance]
                {
                    lines.append(HoughLine(angle: angle, distance: distance, votes: own))
                }
            }
        }
        return lines.sorted { ($1.votes, $0.angle, $0.distance) < ($0.votes, $1.angle, $1.distance) }
    }

    func document(_ partials: [[UInt8]]) throws(PipelineError) -> [UInt8] {
        let lines = try lines(partials)
        var text = search.document(in: input, method: .standard)
        text.add("truncated", lines.count > search.lineCount)
        text.add("lines", lines.prefix(search.lineCount)) { line in
            "{\"rho\": \(JSONText.fixed(grid.rho(ofDistance: line.distance), decimals: 3)), \"theta\": "
                + "\(JSONText.fixed(grid.theta(ofAngle: line.angle), decimals: 4)), \"votes\": \(line.votes)}"
        }
        return text.document
    }

    func apply(_ value: [UInt8], to rows: RowsView, into output: MutableRowsView) throws(PipelineError) {
        var reader = PartialReader(value, name: "a value of hough-lines")
        var lines: [(normal: (cosine: Double, sine: Double), rho: Double)] = []
        for _ in 0..<(try reader.read(UInt32.self)) {
            let (angle, distance) = (Int(try reader.read(UInt32.self)), Int(try reader.read(UInt32.self)))
            guard angle < grid.angleCount, distance < grid.distanceCount else {
                throw reader.refused("the line (\(angle), \(distance)) is out of place")
            }
            lines.append((direction(degrees: grid.theta(ofAngle: angle)), grid.rho(ofDistance: distance)))
        }
        try reader.finish()
        let image = MarkedImage(input: input, color: search.color)
        for y in output.rows {
            let marks = lines.map { line in pixels(line.normal, line.rho, y: y) }
            image.draw(search.imageRow(rows, y, of: input), to: output, y, marks: marks)
        }
    }

    /// The pixels of row `y` that are at most half the width from a line; maybe outside the image.
    private func pixels(_ normal: (cosine: Double, sine: Double), _ rho: Double, y: Int) -> Range<Int> {
        let rest = rho - Double(y) * normal.sine
        let half = Double(search.width) / 2
        if normal.cosine.magnitude * Double(input.width) < 1e-9 {
            return rest.magnitude <= half ? 0..<input.width : 0..<0
        }
        let ends = [(rest - half) / normal.cosine, (rest + half) / normal.cosine]
        let limit = Double(input.width)
        let first = min(max(min(ends[0], ends[1]).rounded(.up), 0), limit)
        let last = min(max(max(ends[0], ends[1]).rounded(.down), -1), limit)
        return Int(first)..<max(Int(first), Int(last) + 1)
    }
}
