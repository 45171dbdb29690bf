public import JobModel

/// A new job: what its images go through, how, and on whose behalf.
///
/// The submitter belongs to the job, not to the connection: one session can submit for many people.
public struct JobRequest: Hashable, Sendable {
    /// A name that the client chooses. A second request with the same token finds the job of the first one, which makes
    /// opening a job safe to repeat; `randomToken()` makes one that nobody else uses.
    public var token: String
    /// Operations joined by `|`, without presets.
    public var pipeline: String
    /// The label by which jobs share the cluster fairly, such as `ada@host`.
    public var submitter: String
    /// From -100 to 100; higher goes first.
    public var priority: Int32
    /// Whether a kept result of an identical request may answer.
    public var mayUseCache: Bool
    /// Raw bytes of a chunk; `nil` for the master's own setting.
    public var chunkByteCount: UInt64?
    /// The most pixels an image may have; `nil` for the master's own setting.
    public var maximumPixelCount: UInt64?
    /// Attempts before a task is given up; `nil` for the master's own setting.
    public var maximumAttempts: UInt32?
    /// The share of the tasks that another worker computes again, to compare; `nil` for the master's own setting.
    public var auditShare: AuditShare?
    /// The format of the results with its options, such as `jpeg quality=80`; `same` or nothing in the format's place for each
    /// input's own.
    public var encoding: String
    /// What of the files is decoded, such as `page=2`; empty for all defaults.
    public var decoding: String

    public init(
        pipeline: String, submitter: String, token: String = JobRequest.randomToken(), priority: Int32 = 0,
        mayUseCache: Bool = true, chunkByteCount: UInt64? = nil, maximumPixelCount: UInt64? = nil,
        maximumAttempts: UInt32? = nil, auditShare: AuditShare? = nil,
        encoding: String = "", decoding: String = ""
    ) {
        self.token = token
        self.pipeline = pipeline
        self.submitter = submitter
        self.priority = priority
        self.mayUseCache = mayUseCache
        self.chunkByteCount = chunkByteCount
        self.maximumPixelCount = maximumPixelCount
        self.maximumAttempts = maximumAttempts
        self.auditShare = auditShare
        self.encoding = encoding
        self.decoding = decoding
    }

    /// About how many images the job will have, by which a master chooses the size of chunks; 0 where that is not known.
    public var expectedImageCount = 0

    /// 32 hexadecimal digits from the system's random source.
    public static func randomToken() -> String { Randomness.hexadecimal(byteCount: 16) }
}

/// The master's answer to a `JobRequest`.
public struct OpenedJob: Hashable, Sendable {
    public let job: JobID
    /// Images that the job already has: those of an earlier request with the same token.
    public let imageCount: Int
    /// Whether the job is already complete and takes no more images.
    public let isSealed: Bool

    public init(job: JobID, imageCount: Int = 0, isSealed: Bool = false) {
        self.job = job
        self.imageCount = imageCount
        self.isSealed = isSealed
    }
}

/// An image as it is added to a job.
public struct NewImage: Hashable, Sendable {
    /// A label for listings and for the names of result files; the master never uses it as a path.
    public let name: String
    /// The encoded image, which the master has.
    public let input: BlobReference

    public init(name: String, input: BlobReference) {
        self.name = name
        self.input = input
    }
}
