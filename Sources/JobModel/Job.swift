/// How a job is to be run and its results written; fixed at submission and part of its identity.
public struct JobOptions: Hashable, Sendable {
    /// Raw bytes of a chunk: an image above it is split. At least 1; the plan rounds to whole rows.
    public var chunkByteCount: UInt64
    /// The most pixels an image may have.
    public var maximumPixelCount: UInt64
    /// Whether a kept result of an identical request may answer this one.
    public var mayUseCache: Bool
    /// Attempts that may fail before a task is dead-lettered.
    public var maximumAttempts: UInt32
    /// The revision of results when the job was submitted.
    public var resultRevision: UInt32
    /// The share of the tasks that another worker computes again.
    public var auditShare: AuditShare
    /// Whether a result can be withdrawn for a while after it is done, should a worker that took part be found faulty.
    public var isRevocable: Bool
    /// The most bytes of an image's text that are carried over to its result; as many of its colour profile, and of its EXIF
    /// data. What is above it is left out, with a remark.
    public var maximumMetadataByteCount: UInt64
    /// The format that results are asked for in, with its options, and what of the files is decoded; empty: each input's own
    /// format with its defaults, and all of it. Texts of the module `ImageFormats`.
    public var encoding: String
    public var decoding: String

    /// The most bytes of either text.
    public static let longestCoding = 256

    /// `maximumMetadataByteCount` where nothing is said.
    public static let standardMetadataByteCount: UInt64 = 16 << 20
    /// No job may carry more: a master and a rank hold it in memory, and what an image carries of all three kinds has to be
    /// below the 64 MiB that a master takes from a worker.
    public static let largestMetadataByteCount: UInt64 = 20 << 20

    /// The revision of the pixels, the encoding and the plans that this release's results have.
    ///
    /// It rises with every release in which some pipeline gives other bytes than before, or is cut into other stages.
    /// Results of different revisions are never mixed in an image, and a kept result answers requests of its own revision
    /// only.
    ///
    /// A new operation, or a new parameter that leaves all bytes of pipelines without it as they were, does not raise it: a
    /// worker of an older release that cannot read such a pipeline fails the task as its own fault, and the task is retried
    /// on another worker.
    public static let currentResultRevision: UInt32 = 6

    public init(
        chunkByteCount: UInt64 = 16 << 20, maximumPixelCount: UInt64 = 4_000_000_000, mayUseCache: Bool = true,
        maximumAttempts: UInt32 = 4, resultRevision: UInt32 = JobOptions.currentResultRevision,
        auditShare: AuditShare = .none, isRevocable: Bool = false,
        maximumMetadataByteCount: UInt64 = JobOptions.standardMetadataByteCount, encoding: String = "",
        decoding: String = ""
    ) {
        self.chunkByteCount = chunkByteCount
        self.maximumPixelCount = maximumPixelCount
        self.mayUseCache = mayUseCache
        self.maximumAttempts = maximumAttempts
        self.resultRevision = resultRevision
        self.auditShare = auditShare
        self.isRevocable = isRevocable
        self.maximumMetadataByteCount = maximumMetadataByteCount
        self.encoding = encoding
        self.decoding = decoding
    }

    /// The options as versions of records before 5 have them say nothing of audits.
    var mentionsAudits: Bool { auditShare != .none || isRevocable }
    /// Versions before 6 say nothing of formats.
    var namesFormats: Bool { !encoding.isEmpty || !decoding.isEmpty }
}

/// A submission as it was accepted.
public struct JobDescription: Hashable, Sendable {
    public let id: JobID
    /// Chosen by the client; a second submission with the same token is the same job.
    public let token: String
    /// A label for fair sharing, chosen by the client (by default user@host).
    public let submitter: String
    /// Higher goes first; 0 by default, from -100 to 100.
    public let priority: Int32
    /// The pipeline's canonical text.
    public let pipeline: String
    public let options: JobOptions
    /// Wall clock, for people only: milliseconds since 1970.
    public let submittedAt: UInt64

    public init(
        id: JobID, token: String, submitter: String, priority: Int32, pipeline: String, options: JobOptions,
        submittedAt: UInt64
    ) {
        self.id = id
        self.token = token
        self.submitter = submitter
        self.priority = priority
        self.pipeline = pipeline
        self.options = options
        self.submittedAt = submittedAt
    }

    /// The same submission with other options.
    func with(_ options: JobOptions) -> JobDescription {
        JobDescription(
            id: id, token: token, submitter: submitter, priority: priority, pipeline: pipeline, options: options,
            submittedAt: submittedAt)
    }

    /// The same submission with its pipeline in other words.
    public func with(pipeline: String) -> JobDescription {
        JobDescription(
            id: id, token: token, submitter: submitter, priority: priority, pipeline: pipeline, options: options,
            submittedAt: submittedAt)
    }
}

/// Width, height and sample layout of an image, as read from its header.
public struct ImageGeometry: Hashable, Sendable {
    /// Pixels in a row, at least 1.
    public let width: UInt32
    /// Rows, at least 1.
    public let height: UInt32
    /// Samples in a pixel once decoded: 1 gray, 2 gray+alpha, 3 RGB, 4 RGBA.
    public let channelCount: UInt8
    /// Bits in a sample once decoded: 8 or 16.
    public let bitsPerSample: UInt8

    public init(width: UInt32, height: UInt32, channelCount: UInt8, bitsPerSample: UInt8) {
        self.width = width
        self.height = height
        self.channelCount = channelCount
        self.bitsPerSample = bitsPerSample
    }
}

/// One input image of a job as it was accepted.
public struct ImageDescription: Hashable, Sendable {
    /// The most bytes of a name, as UTF-8.
    public static let longestName = 1_024

    public let index: UInt32
    /// The client's label for it, shown in listings; never used as a path. A name that is not UTF-8 is in the text form of names
    /// (decision 39), which the master has no need to know.
    public let name: String
    public let input: BlobReference
    /// What the header says, or why the image was refused at once.
    public let admission: Admission

    public enum Admission: Hashable, Sendable {
        case accepted(AcceptedImage)
        case refused(Failure)
    }

    /// Whether decoding the file takes memory for the whole image.
    public var needsWholeImage: Bool {
        if case .accepted(let image) = admission { image.needsWholeImage } else { false }
    }

    public init(index: UInt32, name: String, input: BlobReference, admission: Admission) {
        self.index = index
        self.name = name
        self.input = input
        self.admission = admission
    }
}

/// The state of a job.
public enum JobState: UInt8, Sendable, Hashable, CaseIterable {
    /// The client has not said yet that all images are in.
    case open = 1
    case running = 2
    /// Every image is done.
    case done = 3
    /// Some images are done, some failed.
    case partlyFailed = 4
    /// Every image failed.
    case failed = 5
    case cancelled = 6

    public var isFinal: Bool {
        switch self {
        case .open, .running: false
        case .done, .partlyFailed, .failed, .cancelled: true
        }
    }

    public var name: String {
        switch self {
        case .open: "open"
        case .running: "running"
        case .done: "done"
        case .partlyFailed: "partly-failed"
        case .failed: "failed"
        case .cancelled: "cancelled"
        }
    }
}

/// The state of an image.
public enum ImageState: UInt8, Sendable, Hashable, CaseIterable {
    case waiting = 1
    case running = 2
    case done = 3
    case failed = 4
    /// Failed because a task used up its attempts; `redrive` gives it new ones.
    case deadLettered = 5
    case cancelled = 6

    public var isFinal: Bool {
        switch self {
        case .waiting, .running: false
        case .done, .failed, .deadLettered, .cancelled: true
        }
    }

    public var name: String {
        switch self {
        case .waiting: "waiting"
        case .running: "running"
        case .done: "done"
        case .failed: "failed"
        case .deadLettered: "dead-lettered"
        case .cancelled: "cancelled"
        }
    }
}
