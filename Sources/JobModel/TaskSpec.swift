/// All that a worker needs to run one task: what to fetch, what to compute, what to give back.
public struct TaskSpec: Hashable, Sendable {
    public let task: TaskID
    /// The pipeline's canonical text.
    public let pipeline: String
    /// The decoded input image's geometry: with `pipeline` and `chunkByteCount` it determines the whole plan.
    public let geometry: ImageGeometry
    public let chunkByteCount: UInt64
    public let maximumPixelCount: UInt64
    /// The limit of metadata in the job's options.
    public let maximumMetadataByteCount: UInt64
    /// How the input is read and the result written. Its orientation is in `pipeline` already.
    public let coding: ImageCoding
    /// Whether the task reads the file by its pieces, so that nobody decodes it first (decision 55):
    /// - decode: it finds out where they are, and which of them each chunk needs;
    /// - chunk of the first stage: it decodes those that it needs.
    public let isInPieces: Bool
    /// What to fetch, in an order that the task's step defines:
    /// - whole, decode: the encoded file; by its pieces: the file from which parts are fetched as they are needed;
    /// - chunk: the raw rows it needs, slice after slice, in row order without gaps; by its pieces: the encoded file, of
    ///   which `value` says what to fetch;
    /// - reduce: one summary per chunk, in chunk order.
    public let inputs: [BlobSlice]
    /// The merged value that opens a chunk's stage, when that stage begins by finishing a whole-image operation; the
    /// `ChunkPieces` of a chunk that reads the file by its pieces.
    public let value: BlobSlice?
    /// Images that the step's operations need besides: the pipeline names them, each once. Empty for `decode` and `reduce`.
    public let attachments: [BlobReference]
    /// An upper bound for one attempt without progress, in milliseconds; it grows with the pixels.
    public let progressTimeoutMilliseconds: UInt64

    public init(
        task: TaskID, pipeline: String, geometry: ImageGeometry, chunkByteCount: UInt64, maximumPixelCount: UInt64,
        maximumMetadataByteCount: UInt64 = JobOptions.standardMetadataByteCount, coding: ImageCoding = .standard,
        isInPieces: Bool = false, inputs: [BlobSlice], value: BlobSlice? = nil, attachments: [BlobReference] = [],
        progressTimeoutMilliseconds: UInt64
    ) {
        self.task = task
        self.pipeline = pipeline
        self.geometry = geometry
        self.chunkByteCount = chunkByteCount
        self.maximumPixelCount = maximumPixelCount
        self.maximumMetadataByteCount = maximumMetadataByteCount
        self.coding = coding
        self.isInPieces = isInPieces
        self.inputs = inputs
        self.value = value
        self.attachments = attachments
        self.progressTimeoutMilliseconds = progressTimeoutMilliseconds
    }
}

extension TaskSpec {
    /// More attachments are refused; a pipeline has at most as many.
    public static let maximumAttachmentCount = 4

    /// Where a worker puts an attachment for its ranks.
    ///
    /// - Parameter payload: the path of the file that the ranks write.
    public static func path(of attachment: BlobReference, beside payload: String) -> String {
        let directory = payload.utf8.lastIndex(of: UInt8(ascii: "/")).map { payload[..<$0] } ?? "."
        return "\(directory)/\(attachment.digest)"
    }
}

/// What a finished task gives back.
public struct TaskOutput: Hashable, Sendable {
    /// - whole: the encoded file, or the document;
    /// - chunk of the last stage: its encoded segments, or its summary where the result is a document; of an earlier stage:
    ///   its raw rows;
    /// - reduce: the merged values, one after the other (`valueOffsets` cuts them); at the end, the document;
    /// - decode: nothing (its bands were published one by one); by its pieces: the `ChunkPieces` of the first stage's
    ///   chunks, one after the other (`valueOffsets` cuts them).
    public let payload: BlobReference?
    /// A chunk's partial result, when its stage ends in a whole-image operation.
    public let summary: BlobReference?
    /// The checksum of the chunk's segments, when `payload` is encoded segments.
    public let checksum: SegmentChecksum?
    /// decode: the ancillary header chunks to carry over to the output, already framed for it.
    public let metadata: BlobReference?
    /// reduce: where each value begins in `payload`, and last the payload's size. There is one value for each chunk, or a
    /// single one when all chunks share it. decode by pieces: one for each chunk.
    public let valueOffsets: [UInt64]
    /// whole, decode: what the file's owner should know; at most one of each code.
    public let remarks: [ImageRemark]

    public init(
        payload: BlobReference? = nil, summary: BlobReference? = nil, checksum: SegmentChecksum? = nil,
        metadata: BlobReference? = nil, valueOffsets: [UInt64] = [], remarks: [ImageRemark] = []
    ) {
        self.payload = payload
        self.summary = summary
        self.checksum = checksum
        self.metadata = metadata
        self.valueOffsets = valueOffsets
        self.remarks = remarks
    }
}

extension TaskOutput {
    /// Payload, summary and metadata, as far as there are any.
    public var blobs: [BlobReference] { [payload, summary, metadata].compactMap { $0 } }
}

/// The checksum of encoded segments as their file format defines it: opaque to everything but the format, which merges those
/// of neighbours.
public struct SegmentChecksum: Hashable, Sendable {
    /// More bytes than this are refused.
    public static let maximumByteCount = 256

    public let bytes: [UInt8]

    public init(_ bytes: [UInt8]) { self.bytes = bytes }
}
