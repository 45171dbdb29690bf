import Imaging
import Testing

/// Runs a plan as a cluster would, without one: stage by stage, chunk by chunk, each by several ranks with memory of their
/// own, which see nothing but the rows that the strip plan gives them.
///
/// Rows that a rank was not given are poison: a kernel that reads beyond its share makes a wrong image.
struct PlanExecutor {
    let plan: ProcessingPlan
    let rankCount: Int

    func run(on image: TestImage) throws -> TestImage {
        let rows = try execute(on: image).rows
        return TestImage(shape: rows.shape, bytes: rows.bytes)
    }

    /// The document that the last stage's summaries make.
    func document(on image: TestImage) throws -> [UInt8] {
        let summaries = try execute(on: image).summaries
        guard case .report(let kernel)? = plan.stages.last?.closing else {
            throw PipelineError(.noDocument, "the plan ends with no report")
        }
        return try kernel.document(summaries)
    }

    private func execute(on image: TestImage) throws -> (rows: GuardedRows, summaries: [[UInt8]]) {
        var rows = GuardedRows(shape: image.shape, rows: 0..<image.height)
        rows.fill(from: image.bytes)
        var summaries: [[UInt8]] = []
        for stage in plan.stages {
            let values = try stage.opening.map { try $0.resolve(summaries) }
            let output = GuardedRows(shape: stage.output, rows: 0..<stage.output.height)
            summaries = []
            var delivered = 0
            for index in 0..<stage.chunks.count {
                let needed = stage.inputRows(forChunk: index)
                let input = GuardedRows(shape: stage.input, rows: needed)
                input.copy(needed, from: rows)
                let value = stage.valueIndex(forChunk: index).flatMap { values?[$0] }
                let strips = StripPlan(stage: stage, rows: stage.chunks[index], rankCount: rankCount)
                var world = World(strips: strips, stage: stage, input: input, value: value)
                try world.compute()
                delivered += try world.deliver(to: output)
                switch stage.closing {
                case .summary(let kernel): summaries.append(try world.summary(by: kernel))
                case .report(let kernel): summaries.append(try world.summary(by: kernel))
                case .rows, .columns, .segments: break
                }
            }
            #expect(delivered == stage.output.height, "each row is delivered once")
            if case .columns = stage.closing { rows = output.transposed() } else { rows = output }
        }
        return (rows, summaries)
    }
}

/// The ranks of one chunk.
private struct World {
    let strips: StripPlan
    let stage: Stage
    let value: [UInt8]?
    /// What each rank holds, by level.
    private var memory: [[GuardedRows]]

    init(strips: StripPlan, stage: Stage, input: GuardedRows, value: [UInt8]?) {
        self.strips = strips
        self.stage = stage
        self.value = value
        memory = (0..<strips.rankCount).map { rank in
            [input]
                + (1..<strips.deliveryLevel).map { level in
                    let (owned, needed) = (strips.owned(rank, level), strips.needed(rank, level))
                    let rows =
                        owned.isEmpty
                        ? needed
                        : needed.isEmpty
                            ? owned
                            : min(owned.lowerBound, needed.lowerBound)..<max(owned.upperBound, needed.upperBound)
                    return GuardedRows(shape: strips.shape(level), rows: rows)
                }
        }
    }

    mutating func compute() throws {
        for level in 1..<strips.deliveryLevel {
            if let kernel = strips.kernel(level) {
                for rank in 0..<strips.rankCount { apply(kernel, rank, level, strips.interior(rank, level)) }
                exchange(level - 1)
                for rank in 0..<strips.rankCount {
                    let (owned, interior) = (strips.owned(rank, level), strips.interior(rank, level))
                    apply(kernel, rank, level, owned.lowerBound..<max(owned.lowerBound, interior.lowerBound))
                    apply(kernel, rank, level, max(interior.upperBound, owned.lowerBound)..<owned.upperBound)
                }
            } else {
                try finishOpening(level)
            }
        }
        exchange(strips.deliveryLevel - 1)
    }

    private func apply(_ kernel: any RowKernel, _ rank: Int, _ level: Int, _ rows: Range<Int>) {
        guard !rows.isEmpty else { return }
        let needed = kernel.inputRows(for: rows)
        kernel.apply(memory[rank][level - 1].band(needed), to: memory[rank][level].mutableBand(rows))
    }

    private func exchange(_ level: Int) {
        for exchange in strips.exchanges(level) {
            memory[exchange.to][level].copy(exchange.rows, from: memory[exchange.from][level])
        }
    }

    private func finishOpening(_ level: Int) throws {
        let kernel = try #require(stage.opening)
        let value = try #require(value)
        let working = (0..<strips.rankCount).filter { !strips.owned($0, level).isEmpty }
        let parts = working.map { memory[$0][level - 1].band(strips.owned($0, level)) }
        let values =
            kernel.finishesRowByRow
            ? working.map { _ in value } : try kernel.refine(value, strips: parts.map { kernel.summarise($0) })
        for (index, rank) in working.enumerated() {
            let owned = strips.owned(rank, level)
            try kernel.finish(parts[index], value: values[index], to: memory[rank][level].mutableBand(owned))
        }
    }

    /// Writes what each rank delivers; returns how many rows there were.
    func deliver(to output: GuardedRows) throws -> Int {
        var count = 0
        for rank in 0..<strips.rankCount {
            let rows = strips.owned(rank, strips.deliveryLevel)
            guard !rows.isEmpty else { continue }
            if case .segments = stage.closing {
                let grid = SegmentGrid.segments(of: stage.output)
                #expect(rows.lowerBound % grid.rowsPerPart == 0)
                #expect(rows.upperBound % grid.rowsPerPart == 0 || rows.upperBound == stage.output.height)
            }
            output.copy(rows, from: memory[rank][strips.deliveryLevel - 1])
            count += rows.count
        }
        return count
    }

    func summary(by kernel: any SummarisingKernel) throws -> [UInt8] {
        let level = strips.deliveryLevel
        let parts = (0..<strips.rankCount).compactMap { rank -> [UInt8]? in
            let rows = strips.owned(rank, level)
            return rows.isEmpty ? nil : kernel.summarise(memory[rank][level - 1].band(rows))
        }
        return try kernel.combine(parts)
    }
}

/// Rows between guards, all of it poison until it is written.
final class GuardedRows {
    private static let guardRows = 3
    private static let poison: UInt8 = 0xA5

    let shape: ImageShape
    let rows: Range<Int>
    private let memory: UnsafeMutableRawBufferPointer

    init(shape: ImageShape, rows: Range<Int>) {
        self.shape = shape
        self.rows = rows
        memory = .allocate(byteCount: (rows.count + 2 * Self.guardRows) * shape.bytesPerRow, alignment: 64)
        memory.initializeMemory(as: UInt8.self, repeating: Self.poison)
    }

    deinit { memory.deallocate() }

    private func offset(_ row: Int) -> Int { (row - rows.lowerBound + Self.guardRows) * shape.bytesPerRow }

    func band(_ part: Range<Int>) -> Band { mutableBand(part).readable }

    func mutableBand(_ part: Range<Int>) -> MutableBand {
        precondition(rows.lowerBound <= part.lowerBound && part.upperBound <= rows.upperBound, "\(part) of \(rows)")
        guard let base = memory.baseAddress else { preconditionFailure("no memory") }
        return MutableBand(shape: shape, rows: part, base: base + offset(part.lowerBound))
    }

    func copy(_ part: Range<Int>, from other: GuardedRows) {
        mutableBand(part).bytes.copyMemory(from: other.band(part).bytes)
    }

    func fill(from bytes: [UInt8]) { mutableBand(rows).bytes.copyBytes(from: bytes) }

    var bytes: [UInt8] { withExtendedLifetime(self) { Array(band(rows).bytes) } }

    /// Pixel by pixel; all rows must be here.
    func transposed() -> GuardedRows {
        let result = GuardedRows(
            shape: ImageShape(width: shape.height, height: shape.width, format: shape.format), rows: 0..<shape.width)
        let (pixel, source) = (shape.format.bytesPerPixel, bytes)
        var target: [UInt8] = []
        for x in 0..<shape.width {
            for y in 0..<shape.height {
                target += source[(y * shape.width + x) * pixel..<(y * shape.width + x + 1) * pixel]
            }
        }
        result.fill(from: target)
        return result
    }
}
