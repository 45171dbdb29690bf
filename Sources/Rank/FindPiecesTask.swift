import ImageCodecs
import ImageFormats
import JobModel
import Pipelines

/// Finds the pieces of a file, and which of them each chunk of the first stage needs: the order `findPieces`. Not collective.
///
/// The file is not on this machine. Of one that lists its pieces, only what is before and between them is read; another is read to
/// its end, a part at a time.
struct FindPiecesTask {
    var plans = PlanCache()
    /// Fetches a part of the file.
    let read: (_ offset: UInt64, _ count: Int) throws(RankFailure) -> [UInt8]
    var isCancelled: () -> Bool = { false }

    /// What was found, besides the files that were written.
    struct Found {
        let output: RankOutput
        let metadataByteCount: UInt64
        let remarks: [ImageRemark]
    }

    /// - Parameters:
    ///   - payload: the file for the `ChunkPieces` of all chunks, one after the other.
    ///   - metadata: the file for the framed header chunks of the output.
    func run(_ spec: TaskSpec, payload: String, metadata: String) throws(RankFailure) -> Found {
        do {
            let task = try plans.plan(for: spec)
            let byteCount = spec.inputs.first?.blob.byteCount ?? 0
            let start = try read(0, Int(min(byteCount, UInt64(ImageFormats.sniffedByteCount))))
            guard let format = try ImageFormats.format(ofFileBeginning: start) as? any PieceDecoding else {
                throw RankFailure(
                    .workerError,
                    "this worker's release cannot read the file by its pieces, which the master's can; install the master's "
                        + "release on this worker too")
            }
            let source = try format.pieceSource(
                byteCount: byteCount, limits: DecodingLimits(admitted: spec, task.decoding)
            ) { offset, count in try read(offset, count) }
            guard source.header.shape == task.plan.input else {
                throw RankFailure(
                    .workerError, "the file's image is \(source.header.shape); the task says \(task.plan.input)")
            }
            let offsets = try write(source.layout, of: format, for: task.plan.stages[0], to: payload)
            let framed = source.metadata(
                for: task.format, stripping: task.stripping, output: task.plan.output,
                effect: try PipelineCache.shared.pipeline(spec.pipeline).metadataEffect)
            try OutputFile.create(metadata).write(framed, at: 0)
            return Found(
                output: RankOutput(payloadByteCount: offsets[offsets.count - 1], valueOffsets: offsets),
                metadataByteCount: UInt64(framed.count), remarks: source.remarks)
        } catch {
            throw RankFailure(error)
        }
    }

    /// Writes the pieces of each chunk.
    ///
    /// - Returns: where each chunk's begin, and where the last one's end.
    private func write(
        _ layout: any PieceLayout, of format: any PieceDecoding, for stage: Stage, to path: String
    ) throws(RankFailure) -> [UInt64] {
        let file = try OutputFile.create(path)
        var offsets: [UInt64] = [0]
        for chunk in 0..<stage.chunks.count {
            if isCancelled() { throw .cancelled }
            let bytes = layout.chunkPieces(for: stage.inputRows(forChunk: chunk), format: format.name).encoded()
            let offset = offsets[chunk]
            try file.write(bytes, at: Int(offset))
            offsets.append(offset + UInt64(bytes.count))
        }
        return offsets
    }
}
