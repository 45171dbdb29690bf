import JobModel

/// A job as it is listed.
public struct JobSummary: Hashable, Sendable {
    public let description: JobDescription
    public let state: JobState
    public let isSealed: Bool
    /// Milliseconds since 1970, once the job is final.
    public let finishedAt: UInt64?
    public let counts: JobCounts
}

/// What a job's images and tasks add up to.
public struct JobCounts: Hashable, Sendable {
    public internal(set) var images: UInt32 = 0
    public internal(set) var imagesDone: UInt32 = 0
    /// Failed and dead-lettered ones.
    public internal(set) var imagesFailed: UInt32 = 0
    public internal(set) var imagesCancelled: UInt32 = 0
    public internal(set) var imagesFromCache: UInt32 = 0
    /// Tasks of the images known so far.
    public internal(set) var tasksTotal: UInt64 = 0
    public internal(set) var tasksDone: UInt64 = 0
    /// Attempts that ended with their worker or rank: `FailureCause.Tally.lost`.
    public internal(set) var attemptsLost: UInt64 = 0
    public internal(set) var attemptsFailed: UInt64 = 0
    public internal(set) var pixelsTotal: UInt64 = 0
    /// A running image counts in proportion to its finished tasks.
    public internal(set) var pixelsDone: UInt64 = 0
    /// Tasks that another worker computed again, with the same result.
    public internal(set) var tasksAudited: UInt64 = 0
    /// Tasks that were to be computed again, and were not, for lack of another worker that could.
    public internal(set) var auditsSkipped: UInt64 = 0
    /// Results that were withdrawn, because a worker that took part was found faulty.
    public internal(set) var resultsWithdrawn: UInt64 = 0
    /// Withdrawn results in whose place there is another: copies that were fetched before are wrong.
    public internal(set) var resultsReplaced: UInt64 = 0

    public init() {}

    public var imagesFinal: UInt32 { imagesDone + imagesFailed + imagesCancelled }
}

/// An image as it is listed.
public struct ImageStatus: Hashable, Sendable {
    public let id: ImageID
    public let name: String
    public let state: ImageState
    public let input: BlobReference
    /// `nil` when the header was refused.
    public let geometry: ImageGeometry?
    /// How the file is read and the result written.
    public let coding: ImageCoding
    public let result: BlobReference?
    /// The revision of `result`; 0 while there is none.
    public let resultRevision: UInt32
    public let failure: Failure?
    public let tasksTotal: UInt64
    public let tasksDone: UInt64
    public let isFromCache: Bool
    /// The result that was withdrawn, until there is another one.
    public let withdrawn: BlobDigest?
    /// The result in whose place there is another: copies of it are wrong.
    public let replaced: BlobDigest?
    /// What was found while the file was decoded.
    public let remarks: [ImageRemark]
}

/// One attempt that ended without a result.
public struct AttemptReport: Hashable, Sendable {
    public let lease: LeaseID
    public let worker: WorkerID
    public let failure: Failure
}

/// A dead-lettered image with the attempts that brought it there.
public struct DeadImage: Hashable, Sendable {
    public let id: ImageID
    public let name: String
    public let failure: Failure
    /// Oldest first. At most `ImageEntry.maximumReports`; of more, the newest.
    public let attempts: [AttemptReport]
}

/// A worker as it is listed.
public struct WorkerStatus: Hashable, Sendable {
    public enum State: String, Hashable, Sendable, CaseIterable {
        case alive, suspect, draining, quarantined
        case notReady = "not-ready"
        case gone
    }

    public let id: WorkerID
    public let name: String
    public let state: State
    /// Why the worker cannot run tasks, in its own words; `nil` when it can.
    public let unreadyReason: String?
    public let slotCount: Int
    public let ranksPerSlot: Int
    /// What the task of one slot may take; `nil` when the worker does not say.
    public let slotMemoryByteCount: UInt64?
    public let leasesHeld: Int
    public let tasksDone: UInt64
    public let attemptsLost: UInt64
    public let attemptsFailed: UInt64
    public let residentBytes: UInt64
    /// Since its latest registration.
    public let connectedFor: Duration
    /// Since it was last heard.
    public let silentFor: Duration
    /// The attempt that showed it to compute wrong results; `nil` for a worker that is trusted.
    public let quarantinedBy: LeaseID?
}

/// Counters of the scheduler. The totals start at 0 with the process.
public struct SchedulerCounters: Hashable, Sendable {
    public internal(set) var tasksReady: Int = 0
    public internal(set) var leasesRunning: Int = 0
    /// Tasks of images that have not ended, and finished ones that wait for a second opinion.
    public internal(set) var tasksOpen: Int = 0
    /// The time that one slot would take for them: measured where tasks have ended, else a guess by their size.
    public internal(set) var backlog = Duration.zero
    /// Jobs that are not final.
    public internal(set) var jobsOpen: Int = 0
    /// Jobs in the records, ended ones included, and their images.
    public internal(set) var jobsKept: Int = 0
    public internal(set) var imagesKept: Int = 0
    public internal(set) var workersConnected: Int = 0
    /// Connected workers that are given new leases.
    public internal(set) var workersTaking: Int = 0
    /// Connected workers that were told to take no more.
    public internal(set) var workersDraining: Int = 0
    /// Connected workers that cannot run tasks, by their own word.
    public internal(set) var workersUnready: Int = 0
    /// Slots of connected workers that have a lease, and free slots of those that are given new leases.
    public internal(set) var slotsBusy: Int = 0
    public internal(set) var slotsIdle: Int = 0
    public internal(set) var deadLetters: Int = 0
    /// Encoded bytes of the inputs of images that have not ended.
    public internal(set) var queuedByteCount: UInt64 = 0
    /// Requests that were refused with a time to come back.
    public internal(set) var askedToWait: UInt64 = 0
    /// Results and bands that came after their task was done, and changed nothing.
    public internal(set) var lateResults: UInt64 = 0
    /// Failure reports and returns of leases that had already ended, and changed nothing.
    public internal(set) var staleReports: UInt64 = 0
    /// Reports that could not be true, of workers on leases of their own.
    public internal(set) var reportsRefused: UInt64 = 0
    public internal(set) var leasesGranted: UInt64 = 0
    public internal(set) var leasesMoved: UInt64 = 0
    public internal(set) var backupsGranted: UInt64 = 0
    /// Images that started over in smaller chunks, because no worker had the memory.
    public internal(set) var imagesReplanned: UInt64 = 0
    /// Images that started over because several had filled the disk.
    public internal(set) var imagesPutOff: UInt64 = 0
    /// Finished tasks that wait for another worker to compute them again.
    public internal(set) var auditsWaiting: Int = 0
    /// Those of them of which two workers gave different results, so that a third has to decide.
    public internal(set) var auditsDisputed: Int = 0
    /// Attempts that were granted for the sake of an audit.
    public internal(set) var auditsGranted: UInt64 = 0
    /// Audits in which the same result was computed.
    public internal(set) var auditsAgreed: UInt64 = 0
    /// Audits in which another result was computed, by either worker.
    public internal(set) var auditsDiffered: UInt64 = 0
    /// Audits that were not made, for lack of another worker that could.
    public internal(set) var auditsSkipped: UInt64 = 0
    /// Images that failed because two workers differ and there was no third.
    public internal(set) var imagesDisputed: UInt64 = 0
    /// Workers that get no work because they computed wrong results.
    public internal(set) var workersQuarantined: Int = 0
    /// Those of them that are connected and not draining.
    public internal(set) var workersConnectedInQuarantine: Int = 0
    /// Results that were withdrawn, and those of them that were computed again with another outcome.
    public internal(set) var resultsWithdrawn: UInt64 = 0
    public internal(set) var resultsReplaced: UInt64 = 0
    public internal(set) var workersDeclaredDead: UInt64 = 0
    /// Stalls of the master itself that were detected.
    public internal(set) var ownStalls: UInt64 = 0

    public init() {}
}
