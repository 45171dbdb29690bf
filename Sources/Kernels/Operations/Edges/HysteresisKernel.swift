import ByteCoding
import Pipelines

/// Canny's hysteresis over the whole image: of the ridges those stay that are connected to a strong pixel, however far away.
///
/// A part's summary is what its neighbours can see of its components: which of them reach its top and bottom row, where,
/// and whether they are strong. From all partials follows which of these are strong after all.
///
///     summary   u32 width | u32 components | u8 strong? a component
///               | top row: u32 runs, each u32 start, u32 end, u32 component | bottom row likewise
///     value     a bit a pixel of the top row, then of the bottom row: belongs to an edge
///
/// Components are numbered by their first appearance, the top row from the left, then the bottom row: equal parts have
/// equal partials.
struct HysteresisKernel: WholeImageKernel {
    let shape: ImageShape

    func aggregate(_ rows: RowsView) -> [UInt8] {
        var map = RidgeMap(rows)
        defer { map.deallocate() }
        let (top, bottom) = outerRuns(rows)
        var components = map.outerComponents(top: top, bottom: bottom)
        return EdgeFragments(
            width: shape.width, top: components.top[...], bottom: components.bottom[...], sets: &components.sets
        ).bytes
    }

    /// The ridges of the first and the last row.
    private func outerRuns(_ rows: RowsView) -> (top: [RidgeRun], bottom: [RidgeRun]) {
        let (first, last) = (rows.rows.lowerBound, rows.rows.upperBound - 1)
        return (
            RidgeRun.runs(of: rows.row(first), width: shape.width),
            RidgeRun.runs(of: rows.row(last), width: shape.width)
        )
    }

    func merge(_ partials: [[UInt8]]) throws(PipelineError) -> [UInt8] {
        var joined = try JoinedFragments(partials, width: shape.width)
        guard let top = joined.rows.first?.top, let bottom = joined.rows.last?.bottom else {
            throw PipelineError(.badPartialResult, "there are no partials of canny to combine")
        }
        return EdgeFragments(width: shape.width, top: top, bottom: bottom, sets: &joined.sets).bytes
    }

    func finalize(_ partials: [[UInt8]]) throws(PipelineError) -> [[UInt8]] {
        var joined = try JoinedFragments(partials, width: shape.width)
        return joined.values(width: shape.width)
    }

    func refine(_ value: [UInt8], strips partials: [[UInt8]]) throws(PipelineError) -> [[UInt8]] {
        var joined = try JoinedFragments(partials, width: shape.width)
        let seeds = try EdgeSeeds(value, width: shape.width)
        if let first = joined.rows.first, let last = joined.rows.last {
            for run in first.top where seeds.touchTop(run) { joined.sets.mark(run.component) }
            for run in last.bottom where seeds.touchBottom(run) { joined.sets.mark(run.component) }
        }
        return joined.values(width: shape.width)
    }

    func apply(_ value: [UInt8], to input: RowsView, into output: MutableRowsView) throws(PipelineError) {
        let seeds = try EdgeSeeds(value, width: shape.width)
        var map = RidgeMap(input)
        defer { map.deallocate() }
        let (top, bottom) = outerRuns(input)
        map.spread(fromTop: top.filter(seeds.touchTop), bottom: bottom.filter(seeds.touchBottom))
        for (index, y) in output.rows.enumerated() { map.draw(index, to: output.row(y)) }
    }
}

/// Which pixels of a part's outer rows belong to an edge: the value of a part.
private struct EdgeSeeds {
    private let bits: [UInt8]
    private let bytesPerRow: Int

    init(_ value: [UInt8], width: Int) throws(PipelineError) {
        bytesPerRow = (width + 7) / 8
        guard value.count == 2 * bytesPerRow else {
            throw PipelineError(
                .badPartialResult,
                "a value of canny has \(value.count) bytes instead of \(2 * bytesPerRow); compute the reduction again")
        }
        bits = value
    }

    init(width: Int, top: [RidgeRun], bottom: [RidgeRun]) {
        bytesPerRow = (width + 7) / 8
        var bits = [UInt8](repeating: 0, count: 2 * bytesPerRow)
        for (offset, runs) in [(0, top), (bytesPerRow, bottom)] {
            for run in runs {
                for x in run.start..<run.end { bits[offset + x >> 3] |= 1 << UInt8(x & 7) }
            }
        }
        self.bits = bits
    }

    var bytes: [UInt8] { bits }

    func touchTop(_ run: RidgeRun) -> Bool { touch(run, 0) }
    func touchBottom(_ run: RidgeRun) -> Bool { touch(run, bytesPerRow) }

    private func touch(_ run: RidgeRun, _ offset: Int) -> Bool {
        (run.start..<run.end).contains { bits[offset + $0 >> 3] >> UInt8($0 & 7) & 1 != 0 }
    }
}

/// What is seen of a part's components from outside: the content of a summary.
private struct EdgeFragments {
    let bytes: [UInt8]

    init(width: Int, top: ArraySlice<RidgeRun>, bottom: ArraySlice<RidgeRun>, sets: inout UnionFind) {
        var numbers: [Int32: UInt32] = [:]
        var strong: [UInt8] = []
        var rows = BinaryWriter(capacity: 12 * (top.count + bottom.count))
        for row in [top, bottom] {
            rows.write(UInt32(row.count))
            for run in row {
                let root = sets.find(run.component)
                if numbers[root] == nil {
                    numbers[root] = UInt32(strong.count)
                    strong.append(sets.isMarked(root) ? 1 : 0)
                }
                rows.write(UInt32(run.start))
                rows.write(UInt32(run.end))
                rows.write(numbers[root] ?? 0)
            }
        }
        var writer = BinaryWriter(capacity: 8 + strong.count + rows.bytes.count)
        writer.write(UInt32(width))
        writer.write(UInt32(strong.count))
        writer.append(strong)
        writer.append(rows.bytes)
        bytes = writer.bytes
    }
}

/// The components of several parts, top to bottom, joined where they touch.
private struct JoinedFragments {
    struct PartRows {
        let top: ArraySlice<RidgeRun>
        let bottom: ArraySlice<RidgeRun>
    }

    var sets = UnionFind()
    private(set) var rows: [PartRows] = []

    init(_ partials: [[UInt8]], width: Int) throws(PipelineError) {
        for summary in partials { try append(summary, width) }
        for index in rows.indices.dropLast() { joinRuns(rows[index].bottom, rows[index + 1].top, in: &sets) }
    }

    private mutating func append(_ summary: [UInt8], _ width: Int) throws(PipelineError) {
        var reader = PartialReader(summary, name: "a summary of canny")
        let itsWidth = try reader.read(UInt32.self)
        guard itsWidth == width else { throw reader.refused("it is \(itsWidth) pixels wide instead of \(width)") }
        let count = try reader.read(UInt32.self)
        guard sets.count + Int(count) <= Int(Int32.max) else {
            throw reader.refused("with it there are more than \(Int32.max) components; choose larger chunks")
        }
        let first = Int32(sets.count)
        for strong in try reader.readBlock(Int(count)) {
            guard strong <= 1 else { throw reader.refused("\(strong) is not a truth value") }
            _ = sets.append(isMarked: strong == 1)
        }
        let top = try Self.readRow(&reader, width, first, count)
        let bottom = try Self.readRow(&reader, width, first, count)
        try reader.finish()
        rows.append(PartRows(top: top, bottom: bottom))
    }

    private static func readRow(
        _ reader: inout PartialReader, _ width: Int, _ first: Int32, _ components: UInt32
    ) throws(PipelineError) -> ArraySlice<RidgeRun> {
        let count = try reader.read(UInt32.self)
        guard Int(count) * 12 <= reader.remainingByteCount else { throw reader.refused("it announces \(count) runs") }
        var runs: [RidgeRun] = []
        runs.reserveCapacity(Int(count))
        var free = 0
        for _ in 0..<count {
            let start = Int(try reader.read(UInt32.self))
            let end = Int(try reader.read(UInt32.self))
            let component = try reader.read(UInt32.self)
            guard start >= free, start < end, end <= width, component < components else {
                throw reader.refused("the run \(start)..<\(end) of component \(component) is out of place")
            }
            runs.append(RidgeRun(start: start, end: end, component: first + Int32(component)))
            free = end + 1
        }
        return runs[...]
    }

    /// For each part, the pixels of its outer rows whose components are strong.
    mutating func values(width: Int) -> [[UInt8]] {
        var values: [[UInt8]] = []
        values.reserveCapacity(rows.count)
        for part in rows {
            let top = part.top.filter { sets.isMarked($0.component) }
            let bottom = part.bottom.filter { sets.isMarked($0.component) }
            values.append(EdgeSeeds(width: width, top: top, bottom: bottom).bytes)
        }
        return values
    }
}
