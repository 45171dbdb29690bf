import ByteCoding
import Pipelines

extension SegmentList: WholeImageKernelProviding, ReportKernelProviding {
    func kernel(for step: WholeImageStep) -> any WholeImageKernel { kernel(step.input) }
    func kernel(for step: ReportStep) -> any ReportKernel { kernel(step.input) }

    private func kernel(_ input: ImageShape) -> SegmentKernel {
        SegmentKernel(input: input, search: search, length: length, gap: gap)
    }
}

/// A piece of a line, from pixel to pixel.
struct LineSegment: Hashable {
    let x1: Int
    let y1: Int
    let x2: Int
    let y2: Int

    /// The square of its length.
    var square: Int { (x2 - x1) * (x2 - x1) + (y2 - y1) * (y2 - y1) }
}

/// The partial aggregate is the pixels that count, row by row: for each row the number of runs, and for each run the pixels
/// before it since the last one and its own, all as `PixelRuns` writes numbers. So neighbouring parts are put together by
/// putting their bytes together; what is sought depends on the order in which all pixels are looked at, and is done at the
/// end, on one rank.
///
/// The value is the segments: `u32` segments, for each four `u32`: x and y of both ends.
private struct SegmentKernel: WholeImageKernel, ReportKernel {
    let input: ImageShape
    let search: LineSearch
    let length: Int
    let gap: Int

    func aggregate(_ rows: RowsView) -> [UInt8] {
        let pixels = LinePixels(input, search)
        defer { pixels.deallocate() }
        var runs = PixelRuns()
        for y in rows.rows { runs.append(pixels.read(rows, y), width: input.width) }
        return runs.bytes
    }

    func merge(_ partials: [[UInt8]]) throws(PipelineError) -> [UInt8] {
        var rowCount = 0
        for partial in partials { rowCount += try PixelRuns.rows(of: partial, width: input.width) { _, _ in } }
        guard rowCount <= input.height else {
            throw PipelineError(
                .badPartialResult,
                "the summaries of hough-lines have \(rowCount) rows of \(input.height); compute the chunks again")
        }
        return Array(partials.joined())
    }

    /// All segments, the longest first.
    private func segments(_ partials: [[UInt8]]) throws(PipelineError) -> [LineSegment] {
        let mask = PixelMask(width: input.width, height: input.height)
        defer { mask.deallocate() }
        var y = 0
        for partial in partials {
            let first = y
            y += try PixelRuns.rows(of: partial, width: input.width) { row, columns in
                if first + row < input.height { mask.set(columns, y: first + row) }
            }
        }
        guard y == input.height else {
            throw PipelineError(
                .badPartialResult,
                "the summaries of hough-lines have \(y) rows instead of \(input.height); compute the chunks again")
        }
        let count = mask.count
        guard count <= PixelMask.maximumCount else {
            throw PipelineError(
                .unsuitableImage,
                "`hough-lines` with method=probabilistic: \(count) pixels are not black, or edges; at most "
                    + "\(PixelMask.maximumCount) are allowed; find edges before, by `canny`, or with a higher `edges`")
        }
        var transform = ProgressiveHoughTransform(mask: mask, search: search, length: length, gap: gap)
        return transform.segments().sorted {
            ($1.square, $0.y1, $0.x1, $0.y2, $0.x2) < ($0.square, $1.y1, $1.x1, $1.y2, $1.x2)
        }
    }

    func finalize(_ partials: [[UInt8]]) throws(PipelineError) -> [[UInt8]] {
        let segments = try segments(partials).prefix(search.lineCount)
        var writer = BinaryWriter()
        writer.write(UInt32(segments.count))
        for segment in segments {
            for place in [segment.x1, segment.y1, segment.x2, segment.y2] { writer.write(UInt32(place)) }
        }
        return Array(repeating: writer.bytes, count: partials.count)
    }

    func refine(_ value: [UInt8], strips partials: [[UInt8]]) -> [[UInt8]] {
        Array(repeating: value, count: partials.count)
    }

    func document(_ partials: [[UInt8]]) throws(PipelineError) -> [UInt8] {
        let segments = try segments(partials)
        var text = search.document(in: input, method: .probabilistic)
        text.add("length", length)
        text.add("gap", gap)
        text.add("truncated", segments.count > search.lineCount)
        text.add("lines", segments.prefix(search.lineCount)) {
            "{\"x1\": \($0.x1), \"y1\": \($0.y1), \"x2\": \($0.x2), \"y2\": \($0.y2)}"
        }
        return text.document
    }

    func apply(_ value: [UInt8], to rows: RowsView, into output: MutableRowsView) throws(PipelineError) {
        var reader = PartialReader(value, name: "a value of hough-lines")
        var segments: [LineSegment] = []
        for _ in 0..<(try reader.read(UInt32.self)) {
            var places: [Int] = []
            for _ in 0..<4 { places.append(Int(try reader.read(UInt32.self))) }
            guard max(places[0], places[2]) < input.width, max(places[1], places[3]) < input.height else {
                throw reader.refused("the segment \(places) is out of place")
            }
            segments.append(LineSegment(x1: places[0], y1: places[1], x2: places[2], y2: places[3]))
        }
        try reader.finish()
        let image = MarkedImage(input: input, color: search.color)
        for y in output.rows {
            let marks = segments.map { $0.columns(inRow: y, width: search.width, imageWidth: input.width) }
            image.draw(search.imageRow(rows, y, of: input), to: output, y, marks: marks)
        }
    }
}

extension LineSegment {
    /// The columns of row `y` that are at most half of `width` from the segment, as a pen with a round point draws it.
    ///
    /// In integers: a pixel at (x, y) is that near if its distance from the nearer end is, or if its projection falls on the
    /// segment and its distance from the line is.
    func columns(inRow y: Int, width: Int, imageWidth: Int) -> Range<Int> {
        let reach = width / 2 + 1
        guard y >= min(y1, y2) - reach, y <= max(y1, y2) + reach else { return 0..<0 }
        // Where the line passes this row, if it does; else the whole extent.
        var (low, high) = (min(x1, x2) - reach, max(x1, x2) + reach)
        let (dx, dy) = (x2 - x1, y2 - y1)
        if dy != 0 {
            // The line's own columns between the rows y - reach and y + reach.
            let ends = [y - reach, y + reach].map { x1 + Int((Double(($0 - y1) * dx) / Double(dy)).rounded()) }
            low = max(low, min(ends[0], ends[1]) - reach)
            high = min(high, max(ends[0], ends[1]) + reach)
        }
        (low, high) = (max(low, 0), min(high, imageWidth - 1))
        guard low <= high else { return 0..<0 }
        // The pixels of a row that a convex shape covers follow each other.
        guard let first = (low...high).first(where: { isNear($0, y, width) }),
            let last = (first...high).last(where: { isNear($0, y, width) })
        else { return 0..<0 }
        return first..<last + 1
    }

    private func isNear(_ x: Int, _ y: Int, _ width: Int) -> Bool {
        let (dx, dy) = (x2 - x1, y2 - y1)
        let (px, py) = (x - x1, y - y1)
        let along = px * dx + py * dy
        let distance: Int
        if along <= 0 || square == 0 {
            distance = px * px + py * py
        } else if along >= square {
            distance = (x - x2) * (x - x2) + (y - y2) * (y - y2)
        } else {
            let across = px * dy - py * dx
            // |across| / sqrt(square) <= width / 2
            let (left, right) = (
                across.magnitude.multipliedFullWidth(by: across.magnitude), UInt(width * width * square)
            )
            return left.high == 0 && left.low <= right / 4
        }
        return 4 * distance <= width * width
    }
}

/// Which pixels of an image count, a row after the other: see `SegmentKernel`.
private struct PixelRuns {
    private(set) var bytes: [UInt8] = []

    mutating func append(_ row: UnsafePointer<UInt8>, width: Int) {
        var numbers: [Int] = []
        var (x, free) = (0, 0)
        while x < width {
            while x < width && row[x] == 0 { x += 1 }
            let start = x
            while x < width && row[x] != 0 { x += 1 }
            if start < x {
                numbers += [start - free, x - start]
                free = x
            }
        }
        write(numbers.count / 2)
        for number in numbers { write(number) }
    }

    /// Seven bits a byte, the lowest first, the high bit set in all but the last.
    private mutating func write(_ number: Int) {
        var rest = number
        while rest >= 128 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 128)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    /// Calls `body` with each run, its row counted from 0.
    ///
    /// - Returns: how many rows there are.
    static func rows(
        of bytes: [UInt8], width: Int, _ body: (_ row: Int, _ columns: Range<Int>) -> Void
    ) throws(PipelineError) -> Int {
        var reader = PartialReader(bytes, name: "a summary of hough-lines")
        func number() throws(PipelineError) -> Int {
            var (number, shift) = (0, 0)
            while true {
                let byte = try reader.read(UInt8.self)
                guard shift < 35 else { throw reader.refused("a number has more than 35 bits") }
                number |= Int(byte & 127) << shift
                shift += 7
                if byte & 128 == 0 { return number }
            }
        }
        var row = 0
        while reader.remainingByteCount > 0 {
            var x = 0
            for _ in 0..<(try number()) {
                let start = x + (try number())
                let count = try number()
                guard count > 0, start + count <= width else {
                    throw reader.refused("a run of \(count) pixels from \(start) on is out of place")
                }
                x = start + count
                body(row, start..<x)
            }
            row += 1
        }
        return row
    }
}

/// A bit for each pixel of an image. Owns memory: call `deallocate()`.
struct PixelMask {
    /// More pixels than this are not looked at one by one.
    static let maximumCount = 1 << 26

    let width: Int
    let height: Int
    private let words: UnsafeMutablePointer<UInt64>
    private let wordsPerRow: Int

    init(width: Int, height: Int) {
        self.width = width
        self.height = height
        wordsPerRow = (width + 63) / 64
        words = .allocate(capacity: wordsPerRow * height)
        words.initialize(repeating: 0, count: wordsPerRow * height)
    }

    func deallocate() { words.deallocate() }

    func isSet(_ x: Int, _ y: Int) -> Bool { words[y * wordsPerRow + x >> 6] >> UInt64(x & 63) & 1 != 0 }

    func clear(_ x: Int, _ y: Int) { words[y * wordsPerRow + x >> 6] &= ~(1 << UInt64(x & 63)) }

    func set(_ columns: Range<Int>, y: Int) {
        for x in columns { words[y * wordsPerRow + x >> 6] |= 1 << UInt64(x & 63) }
    }

    var count: Int { (0..<wordsPerRow * height).reduce(0) { $0 + words[$1].nonzeroBitCount } }

    /// Calls `body` with each pixel that is set, row by row.
    func forEach(_ body: (_ x: Int, _ y: Int) -> Void) {
        for y in 0..<height {
            for place in 0..<wordsPerRow {
                var word = words[y * wordsPerRow + place]
                while word != 0 {
                    body(place * 64 + word.trailingZeroBitCount, y)
                    word &= word - 1
                }
            }
        }
    }
}
