import Checksums
import ImageCodecs
import ImageFormats
import Kernels
import Pipelines
import JobModel

/// Runs one stage over some of its output rows, and brings what comes out where it belongs.
///
/// Every method is collective; what it throws, it throws on all ranks.
struct StageRunner<Ranks: StripCommunicator> {
    let stage: Stage
    /// The output rows that the ranks make together.
    let rows: Range<Int>
    let ranks: Ranks
    private let executor: StripExecutor<Ranks>

    init(
        _ stage: Stage, rows: Range<Int>, ranks: Ranks, progress: @escaping (Int, Int) -> Void = { _, _ in },
        isCancelled: @escaping () -> Bool = { false }
    ) {
        self.stage = stage
        self.rows = rows
        self.ranks = ranks
        executor = StripExecutor(stage: stage, rows: rows, ranks: ranks, progress: progress, isCancelled: isCancelled)
    }

    /// This rank's share of the result.
    struct Strip {
        /// The rows to deliver; maybe none.
        let rows: Range<Int>
        fileprivate let memory: StripRows

        /// Calls `body` with the rows.
        func withRows<Result>(_ body: (RowsView) throws -> Result) rethrows -> Result {
            try withExtendedLifetime(memory) { try body(memory.view.slice(rows)) }
        }
    }

    /// Computes this rank's strip.
    ///
    /// - Parameters:
    ///   - input: the bytes of the input's rows, as the stage before left them; they outlive the strip.
    ///   - present: the rows that `input` has, `stage.inputRows(for: rows)` at least.
    func compute(
        _ input: UnsafeRawBufferPointer, holding present: Range<Int>, value: [UInt8]
    ) throws(RankFailure) -> Strip {
        Strip(rows: executor.delivered, memory: try executor.run(rowsOfInput(input, present), value: value))
    }

    private func rowsOfInput(_ input: UnsafeRawBufferPointer, _ present: Range<Int>) -> StripRows {
        guard let transposed = stage.transposedInput, transposed.parts.count > 1 else {
            // A shape has at least one row of at least one byte.
            return .borrowed(RowsView(shape: stage.input, rows: present, base: input.baseAddress.unsafelyUnwrapped))
        }
        let own = RowBuffer(shape: stage.input, rows: executor.plan.needed(ranks.rank, 0))
        transposed.assemble(input, holding: present, to: own.mutableView)
        return .owned(own)
    }

    /// Writes each rank's rows to their place in a file of all `rows`; `file` is open on every rank.
    func write(_ strip: Strip, to file: OutputFile) throws(RankFailure) {
        if stage.epilogue.kind == .columns { return try writeColumns(strip, to: file) }
        try ranks.agree {
            guard !strip.rows.isEmpty else { return }
            let offset = (strip.rows.lowerBound - rows.lowerBound) * stage.output.bytesPerRow
            try strip.withRows { try file.write($0.bytes, at: offset) }
        }
    }

    /// Writes column by column. Every rank has some pixels of each column, so that they all write to the mapped file.
    private func writeColumns(_ strip: Strip, to file: OutputFile) throws(RankFailure) {
        let layout = TransposedRows(of: stage)
        let index = layout.parts.indices(overlapping: rows).lowerBound
        precondition(layout.parts[index] == rows, "columns are kept by the chunk, not for rows \(rows)")
        let byteCount = layout.byteCount(ofPart: index)
        // First one rank claims the memory, so that a full file system is an error and not a SIGBUS.
        try ranks.agree { if ranks.rank == 0 { try file.reserve(byteCount) } }
        try ranks.agree {
            guard !strip.rows.isEmpty else { return }
            try file.map(byteCount) { stored in strip.withRows { layout.transpose($0, part: index, to: stored) } }
        }
    }

    /// The partial aggregate of all `rows`, on every rank.
    func aggregate(_ strip: Strip, with kernel: any AggregatingKernel) throws(RankFailure) -> [UInt8] {
        // A strip without rows is not a part, and has no partial aggregate.
        let own = strip.rows.isEmpty ? [] : strip.withRows { kernel.aggregate($0) }
        let counts = (0..<ranks.size).map { executor.plan.owned($0, executor.plan.deliveryLevel).count }
        let partials = zip(ranks.allGather(own), counts).filter { $0.1 > 0 }.map(\.0)
        // All ranks merge the same partial aggregates, so all of them fail or none does.
        do { return try kernel.merge(partials) } catch { throw RankFailure(error) }
    }

    /// The encoded segments of all `rows`; on rank 0, else `nil`.
    func encode(_ strip: Strip, to format: any ImageEncoding) -> GatheredSegments? {
        var segments: [UInt8] = []
        var checksum: SegmentChecksum?
        if !strip.rows.isEmpty {
            checksum = strip.withRows {
                format.encoder(of: stage.output).encode($0) { segments.append(contentsOf: $0) }
            }
        }
        // Both are collective: every rank must come to the second one too. A rank without rows has no checksum.
        let (gatheredParts, gatheredChecksums) = (ranks.gather(segments), ranks.gather(checksum?.bytes ?? []))
        guard let parts = gatheredParts, let checksums = gatheredChecksums else { return nil }
        do {
            return GatheredSegments(
                parts: parts, checksum: try format.merge(checksums.filter { !$0.isEmpty }.map { SegmentChecksum($0) }))
        } catch {
            preconditionFailure("a rank of this very program sent a checksum that cannot be merged: \(error)")
        }
    }
}

/// The encoded segments of several ranks' rows.
struct GatheredSegments {
    /// One run of segments per rank, maybe empty, in the order of the rows.
    let parts: [[UInt8]]
    /// The checksum of all segments.
    let checksum: SegmentChecksum
}
