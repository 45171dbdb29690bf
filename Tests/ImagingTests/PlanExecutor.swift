import Kernels
import Pipelines
import Testing

/// Runs a plan as a cluster would, without one: stage by stage, chunk by chunk, each by several ranks with memory of their
/// own, which see nothing but the rows that the strip plan gives them.
///
/// Rows that a rank was not given are poison: a kernel that reads beyond its share makes a wrong image.
///
/// Real: the plan, the strip plan, the kernels. Not real: ranks are turns of a loop, and rows are copied in memory. The
/// others that execute plans: `SerialExecutor` (kernels alone, no plan: the reference), `PlanRunner` in `TestSupport` (orders
/// to real ranks, by files), `TaskComputer` in `DurabilityTests` (`PlanRunner` with a memory, as a worker's stand-in), and
/// `SerialReference` in `Client` (`SerialExecutor` from file to file: `tessera verify`).
struct PlanExecutor {
    let plan: ProcessingPlan
    let rankCount: Int

    func run(on image: TestImage) throws -> TestImage {
        let rows = try execute(on: image).rows
        return TestImage(shape: rows.shape, bytes: rows.bytes)
    }

    /// The document that the last stage's partial aggregates make.
    func document(on image: TestImage) throws -> [UInt8] {
        let partials = try execute(on: image).partials
        guard case .report(let step)? = plan.stages.last?.epilogue else {
            throw PipelineError(.noDocument, "the plan ends with no report")
        }
        return try step.kernel.document(partials)
    }

    private func execute(on image: TestImage) throws -> (rows: GuardedRows, partials: [[UInt8]]) {
        var rows = GuardedRows(shape: image.shape, rows: 0..<image.height)
        rows.fill(from: image.bytes)
        var partials: [[UInt8]] = []
        for stage in plan.stages {
            let values = try stage.prologue.map { try $0.kernel.finalize(partials) }
            let output = GuardedRows(shape: stage.output, rows: 0..<stage.output.height)
            partials = []
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
                switch stage.epilogue {
                case .aggregate(let step): partials.append(try world.aggregate(by: step.kernel))
                case .report(let step): partials.append(try world.aggregate(by: step.kernel))
                case .rows, .columns, .segments: break
                }
            }
            #expect(delivered == stage.output.height, "each row is delivered once")
            if stage.epilogue.kind == .columns { rows = output.transposed() } else { rows = output }
        }
        return (rows, partials)
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
            if let step = strips.step(level).map({ PreparedStep($0) }) {
                for rank in 0..<strips.rankCount { apply(step, rank, level, strips.interior(rank, level)) }
                exchange(level - 1)
                for rank in 0..<strips.rankCount {
                    let (owned, interior) = (strips.owned(rank, level), strips.interior(rank, level))
                    apply(step, rank, level, owned.lowerBound..<max(owned.lowerBound, interior.lowerBound))
                    apply(step, rank, level, max(interior.upperBound, owned.lowerBound)..<owned.upperBound)
                }
            } else {
                try applyPrologue(level)
            }
        }
        exchange(strips.deliveryLevel - 1)
    }

    private func apply(_ step: PreparedStep, _ rank: Int, _ level: Int, _ rows: Range<Int>) {
        guard !rows.isEmpty else { return }
        let needed = step.step.inputRows(for: rows)
        step.kernel.apply(memory[rank][level - 1].view(needed), to: memory[rank][level].mutableView(rows))
    }

    private func exchange(_ level: Int) {
        for exchange in strips.exchanges(level) {
            memory[exchange.to][level].copy(exchange.rows, from: memory[exchange.from][level])
        }
    }

    private func applyPrologue(_ level: Int) throws {
        let step = try #require(stage.prologue)
        let kernel = step.kernel
        let value = try #require(value)
        let working = (0..<strips.rankCount).filter { !strips.owned($0, level).isEmpty }
        let parts = working.map { memory[$0][level - 1].view(strips.owned($0, level)) }
        let values =
            step.appliesRowByRow
            ? working.map { _ in value } : try kernel.refine(value, strips: parts.map { kernel.aggregate($0) })
        for (index, rank) in working.enumerated() {
            let owned = strips.owned(rank, level)
            try kernel.apply(values[index], to: parts[index], into: memory[rank][level].mutableView(owned))
        }
    }

    /// Writes what each rank delivers; returns how many rows there were.
    func deliver(to output: GuardedRows) throws -> Int {
        var count = 0
        for rank in 0..<strips.rankCount {
            let rows = strips.owned(rank, strips.deliveryLevel)
            guard !rows.isEmpty else { continue }
            if let rowsPerSegment = stage.rowsPerSegment {
                #expect(rows.lowerBound % rowsPerSegment == 0)
                #expect(rows.upperBound % rowsPerSegment == 0 || rows.upperBound == stage.output.height)
            }
            output.copy(rows, from: memory[rank][strips.deliveryLevel - 1])
            count += rows.count
        }
        return count
    }

    func aggregate(by kernel: any AggregatingKernel) throws -> [UInt8] {
        let level = strips.deliveryLevel
        let parts = (0..<strips.rankCount).compactMap { rank -> [UInt8]? in
            let rows = strips.owned(rank, level)
            return rows.isEmpty ? nil : kernel.aggregate(memory[rank][level - 1].view(rows))
        }
        return try kernel.merge(parts)
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

    func view(_ part: Range<Int>) -> RowsView { mutableView(part).readable }

    func mutableView(_ part: Range<Int>) -> MutableRowsView {
        precondition(rows.lowerBound <= part.lowerBound && part.upperBound <= rows.upperBound, "\(part) of \(rows)")
        guard let base = memory.baseAddress else { preconditionFailure("no memory") }
        return MutableRowsView(shape: shape, rows: part, base: base + offset(part.lowerBound))
    }

    func copy(_ part: Range<Int>, from other: GuardedRows) {
        mutableView(part).bytes.copyMemory(from: other.view(part).bytes)
    }

    func fill(from bytes: [UInt8]) { mutableView(rows).bytes.copyBytes(from: bytes) }

    var bytes: [UInt8] { withExtendedLifetime(self) { Array(view(rows).bytes) } }

    /// Pixel by pixel; all rows must be here.
    func transposed() -> GuardedRows {
        let result = GuardedRows(
            shape: ImageShape(width: shape.height, height: shape.width, format: shape.format), rows: 0..<shape.width)
        let (pixel, from, to) = (shape.format.bytesPerPixel, view(rows), result.mutableView(result.rows))
        guard let source = from.bytes.baseAddress, let target = to.bytes.baseAddress else { return result }
        for y in 0..<shape.height {
            for x in 0..<shape.width {
                (target + (x * shape.height + y) * pixel).copyMemory(
                    from: source + (y * shape.width + x) * pixel, byteCount: pixel)
            }
        }
        return result
    }
}
