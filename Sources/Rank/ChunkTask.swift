import ImageCodecs
import Kernels
import Pipelines
import JobModel

/// Computes one chunk of one stage: the order `compute`. Collective.
struct ChunkTask<Ranks: StripCommunicator> {
    let ranks: Ranks
    var plans = PlanCache()
    var progress: (Int, Int) -> Void = { _, _ in }
    var isCancelled: () -> Bool = { false }

    private struct Prepared {
        let format: any ImageEncoding
        let stage: Stage
        let rows: Range<Int>
        let inputRows: Range<Int>
        let value: [UInt8]
        let attachments: [Picture]
        /// On rank 0.
        let created: OutputFile?
    }

    /// - Returns: the facts of the result; complete on rank 0 only.
    func run(
        _ spec: TaskSpec, input: String, value: String?, payload: String, summary: String, rows: String
    ) throws(RankFailure) -> RankOutput {
        let prepared = try ranks.agree { try prepare(spec, value: value, payload: payload) }
        let input = try self.input(of: spec, prepared, input, value, rows)
        let file = try ranks.agree { try prepared.created ?? OutputFile.join(payload) }
        let runner = StageRunner(
            prepared.stage, rows: prepared.rows, ranks: ranks, progress: progress, isCancelled: isCancelled)
        // The strip may be the mapped input itself.
        return try withExtendedLifetime(input) { () throws(RankFailure) in
            let strip = try runner.compute(input.bytes, holding: prepared.inputRows, value: prepared.value)
            return try close(prepared.stage, runner, strip, prepared, to: file, summary: summary)
        }
    }

    /// The chunk's input rows: as they came, or decoded of the file's pieces.
    private func input(
        of spec: TaskSpec, _ prepared: Prepared, _ input: String, _ value: String?, _ rows: String
    ) throws(RankFailure) -> MappedFile {
        let shape = prepared.stage.input
        guard spec.isInPieces, let value else {
            return try ranks.agree { try MappedFile(input, byteCount: prepared.inputRows.count * shape.bytesPerRow) }
        }
        return try PieceInput(ranks: ranks, isCancelled: isCancelled).decode(
            prepared.inputRows, of: shape, input: input, pieces: value, rows: rows)
    }

    private func prepare(_ spec: TaskSpec, value: String?, payload: String) throws -> Prepared {
        guard case .chunk(let stageIndex, let index) = spec.task.step else {
            throw RankFailure(.workerError, "task \(spec.task) is not a chunk")
        }
        let task = try plans.plan(for: spec)
        let stage = try task.stage(stageIndex)
        guard index < stage.chunks.count else {
            throw RankFailure(.workerError, "task \(spec.task): the stage has \(stage.chunks.count) chunks")
        }
        guard stage.prologue == nil && !spec.isInPieces || value != nil else {
            throw RankFailure(.workerError, "task \(spec.task) came without the value that its stage begins with")
        }
        let inputRows = stage.inputRows(forChunk: Int(index))
        return Prepared(
            format: task.format, stage: stage, rows: stage.chunks[Int(index)], inputRows: inputRows,
            value: try stage.prologue == nil ? [] : value.map { try MappedFile.contents(of: $0) } ?? [],
            attachments: try plans.attachments.load(spec, beside: payload),
            created: ranks.rank == 0 ? try OutputFile.create(payload) : nil)
    }

    private func close(
        _ stage: Stage, _ runner: StageRunner<Ranks>, _ strip: StageRunner<Ranks>.Strip, _ prepared: Prepared,
        to file: OutputFile, summary: String
    ) throws(RankFailure) -> RankOutput {
        let byteCount = UInt64(prepared.rows.count * stage.output.bytesPerRow)
        switch stage.epilogue {
        case .rows, .columns:
            try runner.write(strip, to: file)
            return RankOutput(payloadByteCount: byteCount)
        case .aggregate(let step):
            try runner.write(strip, to: file)
            let bytes = try runner.aggregate(strip, with: step.kernel)
            try ranks.agree { if ranks.rank == 0 { try OutputFile.create(summary).write(bytes, at: 0) } }
            return RankOutput(payloadByteCount: byteCount, summaryByteCount: UInt64(bytes.count))
        case .report(let step):
            let bytes = try runner.aggregate(strip, with: step.kernel)
            try ranks.agree { if ranks.rank == 0 { try file.write(bytes, at: 0) } }
            return RankOutput(payloadByteCount: UInt64(bytes.count))
        case .segments:
            let segments = runner.encode(strip, to: prepared.format)
            let byteCount = try ranks.agree { try file.write(segments?.parts ?? []) }
            return RankOutput(payloadByteCount: UInt64(byteCount), checksum: segments?.checksum)
        }
    }
}
