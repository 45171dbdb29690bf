import Glibc
import ImageCodecs
import ImageFormats
import JobModel
import Pipelines

/// The input rows of a chunk that are decoded of the pieces of a file, each piece by one of the ranks. Collective.
///
///     input   | range 0 | range 1 | ...      bytes of the file, as they were fetched
///     rows    | rank 0's pieces | rank 1's pieces | ...      in shared memory, as any chunk's input
///
/// Every rank then reads what it needs of the rows. Decoding only its own would decode the pieces at the borders of strips
/// several times.
struct PieceInput<Ranks: StripCommunicator> {
    let ranks: Ranks
    var isCancelled: () -> Bool = { false }

    /// Decodes the rows to the file `rows`, and removes the bytes of the file.
    ///
    /// - Parameters:
    ///   - pieces: the file of the chunk's `ChunkPieces`.
    ///   - wanted: rows of an image of `shape`.
    /// - Returns: the rows, in memory that no file names any more.
    func decode(
        _ wanted: Range<Int>, of shape: ImageShape, input: String, pieces: String, rows: String
    ) throws(RankFailure) -> MappedFile {
        let byteCount = wanted.count * shape.bytesPerRow
        let created = try ranks.agree { () throws -> OutputFile? in
            guard ranks.rank == 0 else { return nil }
            let file = try OutputFile.create(rows)
            try file.reserve(byteCount)
            return file
        }
        defer { if ranks.rank == 0 { unlink(rows) } }
        try ranks.agree {
            let file = try created ?? OutputFile.join(rows)
            let pieces = try ChunkPieces(decoding: MappedFile.contents(of: pieces))
            let encoded = try MappedFile(input, byteCount: Int(pieces.byteCount))
            var failure: (any Error)?
            try file.map(byteCount) { memory in
                do {
                    try decode(wanted, of: shape, pieces, encoded, to: memory)
                } catch {
                    failure = error
                }
            }
            if let failure { throw failure }
        }
        // They are decoded on every rank, and strips and output need the room.
        if ranks.rank == 0 { truncate(input, 0) }
        return try ranks.agree { try MappedFile(rows, byteCount: byteCount) }
    }

    private func decode(
        _ rows: Range<Int>, of shape: ImageShape, _ pieces: ChunkPieces, _ encoded: MappedFile,
        to memory: UnsafeMutableRawBufferPointer
    ) throws {
        let format = ImageFormats.all.first { $0.name == pieces.format }
        guard let format = format as? any PieceDecoding else {
            throw RankFailure(
                .workerError,
                "this worker's release cannot read \(pieces.format) files by their pieces; install the "
                    + "master's release on this worker too")
        }
        let decoder = try format.decoder(of: pieces, rows, shape)
        let file = FetchedRanges(pieces.ranges, in: encoded.bytes)
        guard let start = memory.baseAddress else { preconditionFailure("a chunk has at least one row") }
        let share = PieceShare(index: ranks.rank, count: ranks.size)
        do {
            try decoder.decode(rows, share: share, to: start) { range throws(CodecError) in
                // No error of the file: nobody sees it.
                if isCancelled() { throw .corrupt("The order was cancelled.") }
                return try file.bytes(range)
            }
        } catch {
            if isCancelled() { throw RankFailure.cancelled }
            throw error
        }
    }
}

extension PieceDecoding {
    /// The decoder of a chunk's rows.
    ///
    /// - Throws: a failure of the worker's: the pieces were found by another one.
    fileprivate func decoder(
        of pieces: ChunkPieces, _ rows: Range<Int>, _ shape: ImageShape
    ) throws -> any PieceDecoder {
        let layout: Layout
        do {
            layout = try Layout(encoded: pieces.layout)
        } catch {
            throw RankFailure(.workerError, error.reason)
        }
        guard layout.shape == shape, layout.holds(rows) else {
            throw RankFailure(
                .workerError,
                "the pieces that came with the task are of other rows, or of another image, than rows \(rows) of \(shape)"
            )
        }
        return pieceDecoder(of: layout)
    }
}
