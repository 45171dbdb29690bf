import Checksums
import ImageCodecs
import Imaging
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
        func withBand<Result>(_ body: (Band) throws -> Result) rethrows -> Result {
            try withExtendedLifetime(memory) { try body(memory.band.slice(rows)) }
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
            return .borrowed(Band(shape: stage.input, rows: present, base: input.baseAddress.unsafelyUnwrapped))
        }
        let own = RowBuffer(shape: stage.input, rows: executor.plan.needed(ranks.rank, 0))
        transposed.assemble(input, holding: present, to: own.mutableBand)
        return .owned(own)
    }

    /// Writes each rank's rows to their place in a file of all `rows`; `file` is open on every rank.
    func write(_ strip: Strip, to file: OutputFile) throws(RankFailure) {
        if case .columns = stage.closing { return try writeColumns(strip, to: file) }
        try ranks.agree {
            guard !strip.rows.isEmpty else { return }
            let offset = (strip.rows.lowerBound - rows.lowerBound) * stage.output.bytesPerRow
            try strip.withBand { try file.write($0.bytes, at: offset) }
        }
    }

    /// As `write`, column by column. Every rank has some pixels of each column, so that they all write to the mapped file.
    private func writeColumns(_ strip: Strip, to file: OutputFile) throws(RankFailure) {
        let layout = TransposedRows(of: stage)
        let index = layout.parts.indices(overlapping: rows).lowerBound
        precondition(layout.parts[index] == rows, "columns are kept by the chunk, not for rows \(rows)")
        let byteCount = layout.byteCount(ofPart: index)
        // First one rank claims the memory, so that a full file system is an error and not a SIGBUS.
        try ranks.agree { if ranks.rank == 0 { try file.reserve(byteCount) } }
        try ranks.agree {
            guard !strip.rows.isEmpty else { return }
            try file.map(byteCount) { stored in strip.withBand { layout.transpose($0, part: index, to: stored) } }
        }
    }

    /// The summary of all `rows`, on every rank.
    func summarise(_ strip: Strip, with kernel: any SummarisingKernel) throws(RankFailure) -> [UInt8] {
        // A strip without rows is no part, and has no summary.
        let own = strip.rows.isEmpty ? [] : strip.withBand { kernel.summarise($0) }
        let counts = (0..<ranks.size).map { executor.plan.owned($0, executor.plan.deliveryLevel).count }
        let summaries = zip(ranks.allGather(own), counts).filter { $0.1 > 0 }.map(\.0)
        // All ranks combine the same summaries, so all of them fail or none does.
        do { return try kernel.combine(summaries) } catch { throw RankFailure(error) }
    }

    /// The encoded segments of all `rows`; on rank 0, else `nil`.
    func encode(_ strip: Strip) -> GatheredSegments? {
        var own = EncodedSegments(bytes: [], adler32: Adler32.empty, filteredByteCount: 0)
        if !strip.rows.isEmpty { own = strip.withBand { PNGSegmentEncoder(shape: stage.output).encode($0) } }
        let checksum = SegmentChecksum(adler32: own.adler32, byteCount: own.filteredByteCount)
        // Both are collective: every rank must come to the second one too.
        let (gatheredParts, gatheredChecksums) = (ranks.gather(own.bytes), ranks.gather(checksum.encoded()))
        guard let parts = gatheredParts, let checksums = gatheredChecksums else { return nil }
        var all = FilteredChecksum()
        for bytes in checksums {
            do {
                let part = try SegmentChecksum(decoding: bytes)
                all.append(FilteredChecksum(adler32: part.adler32, byteCount: part.byteCount))
            } catch {
                preconditionFailure("a rank of this very program sent \(bytes) as a checksum: \(error)")
            }
        }
        return GatheredSegments(
            parts: parts, checksum: SegmentChecksum(adler32: all.adler32, byteCount: all.byteCount))
    }
}

/// The encoded segments of several ranks' rows.
struct GatheredSegments {
    /// One run of IDAT chunks a rank, maybe empty, in the order of the rows.
    let parts: [[UInt8]]
    /// Of all filtered bytes.
    let checksum: SegmentChecksum
}
