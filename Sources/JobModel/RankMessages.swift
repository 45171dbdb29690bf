// What a worker and the ranks of its worlds tell each other over a local socket. Both ends come from the same release, so
// the messages have no version; a rank whose revision of results is not its worker's ends at its start. `RankFrame` frames
// them. A world's life:
//
//     rank -> worker   hello                                every rank, once, when MPI is up
//     worker -> rank   ready                                the token was ours
//     worker -> ranks  compute | computeWhole               every rank; rank 0 answers:  progress*  (finished | failed)
//     worker -> rank 0 reduce                               rank 0 alone answers:        (finished | failed)
//     worker -> rank 0 decode                               rank 0 alone answers:        (band | progress)* (decoded | failed)
//     worker -> rank 0 bandTaken                            once for each band; at most `decodeCredit` may be untaken
//     worker -> rank 0 findPieces                           rank 0 alone answers:        (needs | progress)* (found | failed)
//     worker -> rank 0 inputArrived                         once for each `needs`
//     worker -> ranks  cancel                               the answer comes soon; if cut short it is failed(.cancelled)
//     worker -> ranks  shutdown                             every rank finishes and exits
//
// Files are named by absolute paths on the worker's machine; the side that gives a path owns the file and removes it. A task's
// attachments are beside the payload, in files named by their digests (`TaskSpec.path(of:beside:)`).

/// What a worker asks of the ranks of a world.
public enum RankOrder: Hashable, Sendable {
    /// The rank's hello was accepted.
    case ready
    /// Decode the file `input` and write its rows, band by band, to files in `directory`. Rank 0 only.
    ///
    /// The bands are those of the plan; for a task of step `.whole` all rows are one band.
    case decode(TaskSpec, input: String, directory: String)
    /// The worker is done with a band's file, and has removed it. Rank 0 only.
    case bandTaken
    /// Find the pieces of the file, and write the `ChunkPieces` of each chunk of the first stage to `payload`, and the framed
    /// header chunks to `metadata`. Rank 0 only.
    ///
    /// The rank asks for parts of the file (`RankReply.needs`); each is put into `input`, in place of the one before.
    case findPieces(TaskSpec, input: String, payload: String, metadata: String)
    /// The part of the file that the rank asked for is in `input`. Rank 0 only.
    case inputArrived
    /// Compute a task of step `.chunk`.
    ///
    /// - `input`: the raw rows `inputRows(forChunk:)`, without gaps; of a task in pieces, the bytes of its `ChunkPieces`, one
    ///   range after the other. These are removed as soon as they are decoded.
    /// - `value`: the value that opens the stage, if it has one; of a task in pieces, its `ChunkPieces`.
    /// - `payload`, `summary`: the files to write; `summary` is not touched unless the stage ends in a summary.
    /// - `rows`: the file for the rows that are decoded of pieces.
    case compute(TaskSpec, input: String, value: String?, payload: String, summary: String, rows: String)
    /// Compute all stages of a decoded image, and write the complete encoded file.
    ///
    /// - `input`: all rows, raw.
    /// - `metadata`: the framed header chunks that `decoded` named.
    case computeWhole(TaskSpec, input: String, metadata: String, payload: String)
    /// Merge the summaries of a stage's chunks: they are in `summaries` one after the other. Rank 0 only.
    case reduce(TaskSpec, summaries: String, byteCounts: [UInt64], payload: String)
    /// End the order in progress early. Harmless when there is none.
    case cancel
    case shutdown

    /// Bands that a decoding rank may have written without the worker having taken them.
    public static let decodeCredit = 2

    /// Whether every rank gets the order, or rank 0 alone.
    public var isForEveryRank: Bool {
        switch self {
        case .ready, .compute, .computeWhole, .cancel, .shutdown: true
        case .decode, .bandTaken, .findPieces, .inputArrived, .reduce: false
        }
    }

    /// The task, when the order is to work on one.
    public var spec: TaskSpec? {
        switch self {
        case .decode(let spec, _, _), .findPieces(let spec, _, _, _), .compute(let spec, _, _, _, _, _),
            .computeWhole(let spec, _, _, _), .reduce(let spec, _, _, _):
            spec
        case .ready, .bandTaken, .inputArrived, .cancel, .shutdown: nil
        }
    }
}

/// What a rank answers.
public enum RankReply: Hashable, Sendable {
    /// The first message of every rank: its number, and the secret that it got from the worker that started it.
    case hello(rank: UInt32, token: String)
    /// A band's rows are in the file `path`.
    case band(index: UInt32, path: String, byteCount: UInt64)
    /// All bands are written; the framed ancillary chunks for the output are in the file `metadata`.
    case decoded(metadata: String, byteCount: UInt64, remarks: [ImageRemark])
    /// Bytes of the input are needed: `findPieces` waits for them.
    case needs(offset: UInt64, byteCount: UInt64)
    /// The pieces are found: the files that `findPieces` named are written.
    case found(RankOutput, metadataByteCount: UInt64, remarks: [ImageRemark])
    /// The order makes progress: `done` of `total` steps of unequal size.
    case progress(done: UInt64, total: UInt64)
    case finished(RankOutput)
    /// The order ended without a result; the world is ready for another one.
    case failed(FailureCause, reason: String)
}

/// The facts of a finished order; the bytes are in the files that the order named.
public struct RankOutput: Hashable, Sendable {
    public let payloadByteCount: UInt64
    /// `nil` unless the stage ends in a summary.
    public let summaryByteCount: UInt64?
    /// The Adler-32 of the filtered bytes, when the payload is encoded segments.
    public let checksum: SegmentChecksum?
    /// reduce, findPieces: where each chunk's value begins in the payload, and where the last one ends.
    public let valueOffsets: [UInt64]

    public init(
        payloadByteCount: UInt64, summaryByteCount: UInt64? = nil, checksum: SegmentChecksum? = nil,
        valueOffsets: [UInt64] = []
    ) {
        self.payloadByteCount = payloadByteCount
        self.summaryByteCount = summaryByteCount
        self.checksum = checksum
        self.valueOffsets = valueOffsets
    }
}
