import ByteCoding
import Pipelines

extension DistanceTransform: WholeImageKernelProviding {
    func kernel(for step: WholeImageStep) -> any WholeImageKernel {
        DistanceKernel(input: step.aggregated, outputShape: step.output, scale: scale)
    }
}

/// The partial aggregate of a part is its number of rows, and for each column the rows before the first black pixel and behind the
/// last. The value of a part is, for each column, the rows to the nearest black pixel above the part (from its first row), and
/// below (from its last); each number is a little-endian `UInt32`, `ColumnGaps.none` for a column without one.
private struct DistanceKernel: WholeImageKernel {
    let input: ImageShape
    let outputShape: ImageShape
    let scale: Double

    func aggregate(_ rows: RowsView) -> [UInt8] {
        var gaps = ColumnGaps(rowCount: rows.rows.count, width: input.width)
        let foreground = ForegroundRow(input)
        defer { foreground.deallocate() }
        for (number, y) in rows.rows.enumerated() {
            let row = foreground.read(rows, y)
            for x in 0..<input.width where row[x] == 0 {
                if gaps.before[x] == ColumnGaps.none { gaps.before[x] = UInt32(number) }
                gaps.behind[x] = UInt32(rows.rows.count - 1 - number)
            }
        }
        return gaps.bytes
    }

    func merge(_ partials: [[UInt8]]) throws(PipelineError) -> [UInt8] {
        var sum = ColumnGaps(rowCount: 0, width: input.width)
        for partial in partials { try sum.append(ColumnGaps(partial, width: input.width, height: input.height)) }
        return sum.bytes
    }

    func finalize(_ partials: [[UInt8]]) throws(PipelineError) -> [[UInt8]] {
        let none = ColumnGaps(rowCount: 0, width: input.width)
        return try values(partials, above: none.before, below: none.before)
    }

    func refine(_ value: [UInt8], strips partials: [[UInt8]]) throws(PipelineError) -> [[UInt8]] {
        let outside = try neighbors(value)
        // From a row of the neighbour's to the part's: 1 more than from the neighbour's own edge.
        return try values(
            partials, above: outside.above.map(ColumnGaps.before(1)), below: outside.below.map(ColumnGaps.before(1)))
    }

    /// The values of consecutive parts.
    ///
    /// - Parameters:
    ///   - above: for each column, the rows between the first part and the nearest black pixel above it.
    ///   - below: the same below the last part.
    private func values(
        _ partials: [[UInt8]], above: [UInt32], below: [UInt32]
    ) throws(PipelineError) -> [[UInt8]] {
        var parts: [ColumnGaps] = []
        for partial in partials { parts.append(try ColumnGaps(partial, width: input.width, height: input.height)) }
        var gaps = above
        var upper: [[UInt32]] = []
        for part in parts {
            upper.append(gaps)
            for x in gaps.indices {
                gaps[x] = part.behind[x] != ColumnGaps.none ? part.behind[x] : ColumnGaps.sum(gaps[x], part.rowCount)
            }
        }
        gaps = below
        var values: [[UInt8]] = []
        for (index, part) in parts.enumerated().reversed() {
            var writer = BinaryWriter()
            for gap in upper[index] { writer.write(ColumnGaps.sum(gap, 1)) }
            for gap in gaps { writer.write(ColumnGaps.sum(gap, 1)) }
            values.append(writer.bytes)
            for x in gaps.indices {
                gaps[x] = part.before[x] != ColumnGaps.none ? part.before[x] : ColumnGaps.sum(gaps[x], part.rowCount)
            }
        }
        return values.reversed()
    }

    private func neighbors(_ value: [UInt8]) throws(PipelineError) -> (above: [UInt32], below: [UInt32]) {
        var reader = PartialReader(value, name: "a value of distance")
        let above = try ColumnGaps.distances(&reader, width: input.width, height: input.height)
        let below = try ColumnGaps.distances(&reader, width: input.width, height: input.height)
        try reader.finish()
        return (above, below)
    }

    /// Rows of which the distances to black pixels below are known at once; for the others only at the end of each block.
    private static let rowsPerBlock = 64

    func apply(_ value: [UInt8], to input: RowsView, into output: MutableRowsView) throws(PipelineError) {
        let (above, below) = try neighbors(value)
        let width = self.input.width
        let foreground = ForegroundRow(self.input)
        defer { foreground.deallocate() }
        // From below: what is known at the last row of each block, and in the current block at each row.
        let first = output.rows.lowerBound
        let blockCount = (output.rows.count - 1) / Self.rowsPerBlock + 1
        let ends = UnsafeMutablePointer<UInt32>.allocate(capacity: blockCount * width)
        let inside = UnsafeMutablePointer<UInt32>.allocate(capacity: Self.rowsPerBlock * width)
        let up = UnsafeMutablePointer<UInt32>.allocate(capacity: width)
        let row = NearestInRow(width: width)
        defer {
            ends.deallocate()
            inside.deallocate()
            up.deallocate()
            row.deallocate()
        }
        // `below` counts from the last row: before it there is one row less.
        for x in 0..<width { up[x] = below[x] == ColumnGaps.none ? ColumnGaps.none : below[x] - 1 }
        for block in (0..<blockCount).reversed() {
            (ends + block * width).update(from: up, count: width)
            let rows =
                first + block * Self.rowsPerBlock..<min(first + (block + 1) * Self.rowsPerBlock, output.rows.upperBound)
            guard block > 0 else { break }
            for y in rows.reversed() { step(up, foreground.read(input, y), width) }
        }
        let down = up
        for x in 0..<width { down[x] = above[x] == ColumnGaps.none ? ColumnGaps.none : above[x] - 1 }
        for block in 0..<blockCount {
            let rows =
                first + block * Self.rowsPerBlock..<min(first + (block + 1) * Self.rowsPerBlock, output.rows.upperBound)
            var next = UnsafePointer(ends + block * width)
            for y in rows.reversed() {
                let current = inside + (y - rows.lowerBound) * width
                current.update(from: next, count: width)
                step(current, foreground.read(input, y), width)
                next = UnsafePointer(current)
            }
            for y in rows {
                step(down, foreground.read(input, y), width)
                let upward = inside + (y - rows.lowerBound) * width
                for x in 0..<width { row.gaps[x] = min(down[x], upward[x]) }
                row.find()
                switch outputShape.format.depth {
                case .eight: write(row, input.row(y, as: UInt8.self), output.row(y))
                case .sixteen: write(row, input.row(y, as: UInt16.self), output.row(y))
                }
            }
        }
    }

    /// From a row to the next: 0 at a black pixel, else one more.
    @inline(__always)
    private func step(_ gaps: UnsafeMutablePointer<UInt32>, _ foreground: UnsafePointer<UInt8>, _ width: Int) {
        for x in 0..<width {
            let next = gaps[x] == ColumnGaps.none ? ColumnGaps.none : gaps[x] &+ 1
            gaps[x] = foreground[x] == 0 ? 0 : next
        }
    }

    private func write<Sample: FixedWidthInteger & UnsignedInteger>(
        _ row: NearestInRow, _ source: UnsafePointer<Sample>, _ target: UnsafeMutablePointer<Sample>
    ) {
        let largest = Double(Sample.max)
        let (inputs, outputs) = (input.format.channelCount, outputShape.format.channelCount)
        for x in 0..<input.width {
            // Halves are rounded to even; no scale makes one of a root that is not whole.
            let level = row.squares[x].squareRoot() * scale
            target[x * outputs] = Sample(truncatingIfNeeded: rounded(level, upTo: largest))
        }
        guard outputs == 2 else { return }
        for x in 0..<input.width { target[2 * x + 1] = source[x * inputs + inputs - 1] }
    }
}

/// How far the black pixels of each column are from the edges of a part.
private struct ColumnGaps {
    /// No black pixel.
    static let none = UInt32.max

    var rowCount: Int
    /// Rows before the first black pixel of each column.
    var before: [UInt32]
    /// Rows behind the last one.
    var behind: [UInt32]

    init(rowCount: Int, width: Int) {
        self.rowCount = rowCount
        before = Array(repeating: Self.none, count: width)
        behind = before
    }

    init(_ bytes: [UInt8], width: Int, height: Int) throws(PipelineError) {
        var reader = PartialReader(bytes, name: "a partial aggregate of distance")
        let count = try reader.read(UInt32.self)
        guard count <= UInt32(height) else { throw reader.refused("it has \(count) rows of \(height)") }
        rowCount = Int(count)
        before = try Self.distances(&reader, width: width, height: height)
        behind = try Self.distances(&reader, width: width, height: height)
        try reader.finish()
    }

    var bytes: [UInt8] {
        var writer = BinaryWriter()
        writer.write(UInt32(rowCount))
        for gap in before { writer.write(gap) }
        for gap in behind { writer.write(gap) }
        return writer.bytes
    }

    /// Numbers of rows, none of which is larger than the image is high.
    static func distances(_ reader: inout PartialReader, width: Int, height: Int) throws(PipelineError) -> [UInt32] {
        var gaps: [UInt32] = []
        gaps.reserveCapacity(width)
        for _ in 0..<width {
            let gap = try reader.read(UInt32.self)
            guard gap == none || gap <= UInt32(height) else {
                throw reader.refused("a column has \(gap) rows without black, of \(height)")
            }
            gaps.append(gap)
        }
        return gaps
    }

    /// Adds the part below.
    mutating func append(_ next: ColumnGaps) {
        for x in before.indices {
            if before[x] == Self.none { before[x] = Self.sum(next.before[x], rowCount) }
            behind[x] = next.behind[x] != Self.none ? next.behind[x] : Self.sum(behind[x], next.rowCount)
        }
        rowCount += next.rowCount
    }

    static func sum(_ gap: UInt32, _ rows: Int) -> UInt32 { gap == none ? none : gap &+ UInt32(rows) }

    /// A number of rows less some.
    static func before(_ rows: UInt32) -> (UInt32) -> UInt32 { { $0 == none ? none : $0 &- rows } }
}

/// The squares of the distances from each pixel of a row to the nearest black one, given the nearest of each column.
///
/// The lower envelope of parabolas, in whole numbers (Meijster, Roerdink and Hesselink, "A general algorithm for computing
/// distance transforms in linear time", 2000). Owns memory: call `deallocate()`.
private struct NearestInRow {
    let width: Int
    /// Rows from each pixel to the nearest black one of its column.
    let gaps: UnsafeMutablePointer<UInt32>
    /// The result; infinite where the image has no black pixel.
    let squares: UnsafeMutablePointer<Double>
    /// The columns whose parabolas are lowest somewhere, and the column from which each is.
    private let columns: UnsafeMutablePointer<Int>
    private let starts: UnsafeMutablePointer<Int>
    private let heights: UnsafeMutablePointer<Double>

    init(width: Int) {
        self.width = width
        gaps = .allocate(capacity: width)
        squares = .allocate(capacity: width)
        columns = .allocate(capacity: width)
        starts = .allocate(capacity: width)
        heights = .allocate(capacity: width)
    }

    func deallocate() {
        gaps.deallocate()
        squares.deallocate()
        columns.deallocate()
        starts.deallocate()
        heights.deallocate()
    }

    func find() {
        var count = 0
        for x in 0..<width where gaps[x] != ColumnGaps.none {
            // Sums of squares are exact below 2^53: for sides of up to 2^26 pixels.
            let height = Double(gaps[x]) * Double(gaps[x])
            var start = 0
            while count > 0 {
                let last = columns[count - 1]
                // From where on this parabola is the lower one: the division is exact in its whole part.
                let sum = Double(x * x - last * last) + height - heights[count - 1]
                let column = (sum / Double(2 * (x - last))).rounded(.down)
                if column < Double(starts[count - 1]) {
                    count -= 1
                } else {
                    start = column < Double(width) ? Int(column) + 1 : width
                    break
                }
            }
            if start < width {
                columns[count] = x
                starts[count] = start
                heights[count] = height
                count += 1
            }
        }
        guard count > 0 else { return squares.update(repeating: .infinity, count: width) }
        for index in 0..<count {
            let end = index + 1 < count ? starts[index + 1] : width
            let (center, height) = (columns[index], heights[index])
            for x in starts[index]..<end {
                let distance = Double(x - center)
                squares[x] = distance * distance + height
            }
        }
    }
}
