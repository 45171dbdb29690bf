public import JobModel

/// A job as the master reports it.
public struct JobSummary: Hashable, Sendable {
    public var id: JobID
    public var state: State
    /// In its normal form.
    public var pipeline: String
    public var submitter: String
    /// From -100 to 100; higher goes first.
    public var priority: Int32
    /// Milliseconds since 1970.
    public var submittedAt: UInt64
    /// Milliseconds since 1970; `nil` while the job has not ended.
    public var finishedAt: UInt64?
    /// Whether the submitter has said that all images are in.
    public var isSealed: Bool
    public var imageCount: Int
    public var imagesDone: Int
    /// Images that ended without a result, the dead-lettered ones included.
    public var imagesFailed: Int
    /// Done images whose result was kept from an earlier job.
    public var imagesFromCache: Int
    /// Tasks of the images known so far.
    public var tasksTotal: UInt64
    public var tasksDone: UInt64
    /// Attempts that ended with their worker or rank; each was given to another one.
    public var attemptsLost: UInt64
    public var attemptsFailed: UInt64
    /// Pixels of the images known so far.
    public var pixelsTotal: UInt64
    public var pixelsDone: UInt64
    /// Why its work waits, for a person; `nil` while it does not. Not told in lists of jobs.
    public var obstacle: String?
    /// The share of the tasks that another worker computes again.
    public var auditShare: AuditShare
    /// Tasks that another worker computed again, with the same result.
    public var tasksAudited: UInt64
    /// Tasks that were not computed again, for lack of a worker that could.
    public var auditsSkipped: UInt64
    /// Results that were withdrawn, because a worker that took part was found faulty.
    public var resultsWithdrawn: UInt64
    /// Withdrawn results in whose place there is another: copies that were fetched before are wrong.
    public var resultsReplaced: UInt64

    /// The phase of a job's life.
    public enum State: Hashable, Sendable {
        /// More images may be added.
        case open
        case running
        /// Every image is done.
        case done
        /// Some images are done, some failed.
        case partlyFailed
        /// Every image failed.
        case failed
        case cancelled
        /// A state that this release does not know, by its name; taken for one that is not final.
        case other(String)
    }

    public init(
        id: JobID, state: State, pipeline: String = "", submitter: String = "", priority: Int32 = 0,
        submittedAt: UInt64 = 0, finishedAt: UInt64? = nil, isSealed: Bool = false, imageCount: Int = 0,
        imagesDone: Int = 0, imagesFailed: Int = 0, imagesFromCache: Int = 0, tasksTotal: UInt64 = 0,
        tasksDone: UInt64 = 0, attemptsLost: UInt64 = 0, attemptsFailed: UInt64 = 0, pixelsTotal: UInt64 = 0,
        pixelsDone: UInt64 = 0, obstacle: String? = nil, auditShare: AuditShare = .none, tasksAudited: UInt64 = 0,
        auditsSkipped: UInt64 = 0, resultsWithdrawn: UInt64 = 0, resultsReplaced: UInt64 = 0
    ) {
        self.id = id
        self.state = state
        self.pipeline = pipeline
        self.submitter = submitter
        self.priority = priority
        self.submittedAt = submittedAt
        self.finishedAt = finishedAt
        self.isSealed = isSealed
        self.imageCount = imageCount
        self.imagesDone = imagesDone
        self.imagesFailed = imagesFailed
        self.imagesFromCache = imagesFromCache
        self.tasksTotal = tasksTotal
        self.tasksDone = tasksDone
        self.attemptsLost = attemptsLost
        self.attemptsFailed = attemptsFailed
        self.pixelsTotal = pixelsTotal
        self.pixelsDone = pixelsDone
        self.obstacle = obstacle
        self.auditShare = auditShare
        self.tasksAudited = tasksAudited
        self.auditsSkipped = auditsSkipped
        self.resultsWithdrawn = resultsWithdrawn
        self.resultsReplaced = resultsReplaced
    }

    /// Whether the job has ended.
    public var isFinal: Bool { state.isFinal }

    /// Images that have ended, with a result or without.
    public var imagesEnded: Int { imagesDone + imagesFailed }

    /// The time from the submission to the end, or to `now` (milliseconds since 1970) while the job has not ended.
    public func duration(now: UInt64) -> Duration {
        let end = finishedAt ?? now
        return .milliseconds(Int64(clamping: end > submittedAt ? end - submittedAt : 0))
    }
}

extension JobSummary.State: CustomStringConvertible {
    /// The state with this name, `other` for one that this release does not know.
    public init(name: String) {
        self = Self.known.first { $0.name == name } ?? .other(name)
    }

    /// The name on the wire and in the JSON of docs/cli.md.
    public var name: String {
        switch self {
        case .open: JobState.open.name
        case .running: JobState.running.name
        case .done: JobState.done.name
        case .partlyFailed: JobState.partlyFailed.name
        case .failed: JobState.failed.name
        case .cancelled: JobState.cancelled.name
        case .other(let name): name
        }
    }

    /// Whether the job has ended.
    public var isFinal: Bool {
        switch self {
        case .open, .running, .other: false
        case .done, .partlyFailed, .failed, .cancelled: true
        }
    }

    public var description: String { name }

    static let known: [Self] = [.open, .running, .done, .partlyFailed, .failed, .cancelled]
}
