import ByteCoding
import Pipelines

/// What is known of a connected region: sums over its pixels, so that parts of it add up.
struct Region {
    /// The number of its first pixel, row by row.
    private(set) var first: UInt64
    private(set) var pixelCount: UInt64
    private(set) var columns: ClosedRange<UInt32>
    private(set) var rows: ClosedRange<UInt32>
    private(set) var sumX: UInt64
    private(set) var sumY: UInt64

    static let byteCount = 48

    /// The pixels `columns` of row `y`.
    init(_ columns: Range<Int>, y: Int, width: Int) {
        first = UInt64(y * width + columns.lowerBound)
        pixelCount = UInt64(columns.count)
        self.columns = UInt32(columns.lowerBound)...UInt32(columns.upperBound - 1)
        rows = UInt32(y)...UInt32(y)
        sumX = UInt64((columns.lowerBound + columns.upperBound - 1) * columns.count / 2)
        sumY = UInt64(y * columns.count)
    }

    mutating func add(_ other: Region) {
        first = min(first, other.first)
        pixelCount &+= other.pixelCount
        columns = min(columns.lowerBound, other.columns.lowerBound)...max(columns.upperBound, other.columns.upperBound)
        rows = min(rows.lowerBound, other.rows.lowerBound)...max(rows.upperBound, other.rows.upperBound)
        sumX &+= other.sumX
        sumY &+= other.sumY
    }

    func write(to writer: inout BinaryWriter) {
        writer.write(first)
        writer.write(pixelCount)
        for bound in [columns.lowerBound, columns.upperBound, rows.lowerBound, rows.upperBound] { writer.write(bound) }
        writer.write(sumX)
        writer.write(sumY)
    }

    init(from reader: inout PartialReader, shape: ImageShape) throws(PipelineError) {
        first = try reader.read()
        pixelCount = try reader.read()
        let (left, right): (UInt32, UInt32) = (try reader.read(), try reader.read())
        let (top, bottom): (UInt32, UInt32) = (try reader.read(), try reader.read())
        sumX = try reader.read()
        sumY = try reader.read()
        let area = UInt64(shape.width) * UInt64(shape.height)
        guard first < area, pixelCount > 0, pixelCount <= area, left <= right, right < shape.width, top <= bottom,
            bottom < shape.height
        else { throw reader.refused("a region of \(pixelCount) pixels is out of place") }
        columns = left...right
        rows = top...bottom
    }

    func json(label: Int) -> String {
        let (x, y) = (Double(sumX) / Double(pixelCount), Double(sumY) / Double(pixelCount))
        return "{\"label\": \(label), \"pixels\": \(pixelCount), \"left\": \(columns.lowerBound), \"top\": "
            + "\(rows.lowerBound), \"width\": \(columns.count), \"height\": \(rows.count), \"x\": "
            + "\(JSONText.fixed(x, decimals: 3)), \"y\": \(JSONText.fixed(y, decimals: 3))}"
    }
}

/// Consecutive foreground pixels of a row, and the region that they belong to.
struct RegionRun {
    let start: Int
    /// One past the last pixel.
    let end: Int
    let region: Int32
}

/// Regions that are joined step by step. Numbered in the order of their first appearance.
struct RegionSets {
    private var sets = UnionFind()
    private var entries: [Region] = []

    /// Regions that were appended; some may be one by now.
    var appendedCount: Int { entries.count }

    mutating func append(_ region: Region) -> Int32 {
        entries.append(region)
        return sets.append(isMarked: false)
    }

    mutating func join(_ left: Int32, _ right: Int32) {
        let (left, right) = (sets.find(left), sets.find(right))
        guard left != right else { return }
        sets.join(left, right)
        entries[Int(min(left, right))].add(entries[Int(max(left, right))])
    }

    /// Joins runs in neighbouring rows that touch. Both are in order from the left.
    mutating func join(_ upper: ArraySlice<RegionRun>, _ lower: ArraySlice<RegionRun>, connectivity: Int) {
        // How far apart the end of one and the start of the other may be.
        let reach = connectivity == 8 ? 0 : -1
        var (i, j) = (upper.startIndex, lower.startIndex)
        while i < upper.endIndex && j < lower.endIndex {
            if upper[i].start <= lower[j].end + reach && lower[j].start <= upper[i].end + reach {
                join(upper[i].region, lower[j].region)
            }
            if upper[i].end < lower[j].end { i += 1 } else { j += 1 }
        }
    }

    /// The distinct regions in the order of their first pixels, and for each one appended its place among them.
    mutating func ordered() -> (regions: [Region], numbers: [Int]) {
        let roots = entries.indices.filter { sets.find(Int32($0)) == $0 }.sorted {
            entries[$0].first < entries[$1].first
        }
        var numbers = [Int](repeating: 0, count: entries.count)
        for (number, root) in roots.enumerated() { numbers[root] = number }
        for index in entries.indices { numbers[index] = numbers[Int(sets.find(Int32(index)))] }
        return (roots.map { entries[$0] }, numbers)
    }
}

/// The regions of some rows of an image.
struct PartRegions {
    private let connectivity: Int
    private var sets = RegionSets()
    private var runs: [RegionRun] = []
    /// Where each row's runs begin in `runs`, and where the last row's end.
    private var rowStarts = [0]

    init(connectivity: Int) { self.connectivity = connectivity }

    var count: Int {
        mutating get { sets.ordered().regions.count }
    }
    /// For the region of each run, its place in the order of first pixels.
    var numbers: [Int] {
        mutating get { sets.ordered().numbers }
    }

    func row(_ index: Int) -> ArraySlice<RegionRun> { runs[rowStarts[index]..<rowStarts[index + 1]] }

    /// Adds the next row.
    mutating func append(_ foreground: UnsafePointer<UInt8>, width: Int, y: Int) {
        let above = rowStarts.count > 1 ? rowStarts[rowStarts.count - 2]..<runs.count : 0..<0
        var x = 0
        while x < width {
            while x < width && foreground[x] == 0 { x += 1 }
            let start = x
            while x < width && foreground[x] != 0 { x += 1 }
            if start < x {
                let region = sets.append(Region(start..<x, y: y, width: width))
                runs.append(RegionRun(start: start, end: x, region: region))
            }
        }
        sets.join(runs[above], runs[above.upperBound...], connectivity: connectivity)
        rowStarts.append(runs.count)
    }

    mutating func summary(width: Int) -> RegionSummary {
        RegionSummary(
            &sets, top: row(0), bottom: row(rowStarts.count - 2), maximumClosedCount: Components.maximumCount)
    }
}

/// A part's regions and what its neighbours can see of them.
///
///     u32 regions | the regions, by first pixel | top row: u32 runs, each u32 start, u32 end, u32 region | bottom row likewise
///
/// When more regions than are kept end within the part, the first number is the largest there is, and nothing follows.
struct RegionSummary {
    let bytes: [UInt8]

    static let overLimit = UInt32.max

    init(
        _ sets: inout RegionSets, top: ArraySlice<RegionRun>, bottom: ArraySlice<RegionRun>, maximumClosedCount: Int
    ) {
        let (regions, numbers) = sets.ordered()
        var isOpen = [Bool](repeating: false, count: regions.count)
        for run in top + bottom { isOpen[numbers[Int(run.region)]] = true }
        var writer = BinaryWriter()
        guard isOpen.count(where: { !$0 }) <= maximumClosedCount else {
            writer.write(Self.overLimit)
            bytes = writer.bytes
            return
        }
        writer.write(UInt32(regions.count))
        for region in regions { region.write(to: &writer) }
        for row in [top, bottom] {
            writer.write(UInt32(row.count))
            for run in row {
                writer.write(UInt32(run.start))
                writer.write(UInt32(run.end))
                writer.write(UInt32(numbers[Int(run.region)]))
            }
        }
        bytes = writer.bytes
    }
}

/// The regions of several parts, top to bottom, joined where they touch.
struct JoinedRegions {
    struct Part {
        /// The part's regions, by their numbers as appended.
        let regions: Range<Int>
        let top: ArraySlice<RegionRun>
        let bottom: ArraySlice<RegionRun>
    }

    private var sets = RegionSets()
    private(set) var parts: [Part] = []
    /// Some part has more regions than are kept; nothing else is known then.
    private(set) var isOverLimit = false
    /// The distinct regions, by first pixel.
    let regions: [Region]
    /// For each region of a part, its place among the distinct ones.
    let numbers: [Int]

    init(_ summaries: [[UInt8]], shape: ImageShape, connectivity: Int) throws(PipelineError) {
        for summary in summaries {
            var reader = PartialReader(summary, name: "a summary of components")
            let count = try reader.read(UInt32.self)
            guard count != RegionSummary.overLimit else {
                try reader.finish()
                isOverLimit = true
                continue
            }
            guard Int(count) * Region.byteCount <= reader.remainingByteCount else {
                throw reader.refused("it announces \(count) regions")
            }
            guard sets.appendedCount + Int(count) < Int(Int32.max) else {
                throw PipelineError(
                    .unsuitableImage, "`components`: the image has too many regions; remove noise before, by `median`")
            }
            let first = sets.appendedCount
            var latest: UInt64?
            for _ in 0..<count {
                let region = try Region(from: &reader, shape: shape)
                guard latest.map({ $0 < region.first }) ?? true else {
                    throw reader.refused("its regions are not in order")
                }
                latest = region.first
                _ = sets.append(region)
            }
            let top = try Self.readRow(&reader, shape.width, first, count)
            let bottom = try Self.readRow(&reader, shape.width, first, count)
            try reader.finish()
            parts.append(Part(regions: first..<sets.appendedCount, top: top, bottom: bottom))
        }
        if isOverLimit { parts = [] }
        for index in parts.indices.dropLast() {
            sets.join(parts[index].bottom, parts[index + 1].top, connectivity: connectivity)
        }
        (regions, numbers) = sets.ordered()
    }

    var count: Int { regions.count }

    mutating func summary(width: Int) -> RegionSummary {
        let (top, bottom) = (parts.first?.top ?? [], parts.last?.bottom ?? [])
        return RegionSummary(
            &sets, top: top, bottom: bottom, maximumClosedCount: isOverLimit ? -1 : Components.maximumCount)
    }

    private static func readRow(
        _ reader: inout PartialReader, _ width: Int, _ first: Int, _ regions: UInt32
    ) throws(PipelineError) -> ArraySlice<RegionRun> {
        let count = try reader.read(UInt32.self)
        guard Int(count) * 12 <= reader.remainingByteCount else { throw reader.refused("it announces \(count) runs") }
        var runs: [RegionRun] = []
        var free = 0
        for _ in 0..<count {
            let (start, end) = (Int(try reader.read(UInt32.self)), Int(try reader.read(UInt32.self)))
            let region = try reader.read(UInt32.self)
            guard start >= free, start < end, end <= width, region < regions else {
                throw reader.refused("the run \(start)..<\(end) of region \(region) is out of place")
            }
            runs.append(RegionRun(start: start, end: end, region: Int32(first + Int(region))))
            free = end + 1
        }
        return runs[...]
    }
}
