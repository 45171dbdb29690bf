import JobModel

/// The limits and delays that the scheduler keeps. Durations are measured on the monotonic clock.
public struct SchedulerConfiguration: Hashable, Sendable {
    /// How often a worker sends a heartbeat.
    public var heartbeatInterval: Duration = .milliseconds(500)
    /// How long a lease lives after the last heartbeat that listed it.
    public var leaseDuration: Duration = .seconds(10)
    /// Silence after which a worker gets no new leases.
    public var suspectAfter: Duration = .seconds(2)
    /// Silence after which a worker is dead: its leases return to the queue.
    public var deadAfter: Duration = .seconds(3)
    /// After a restart of the master, a lease waits for its holder for `leaseDuration` plus this.
    public var reconnectGrace: Duration = .seconds(5)
    /// How long a heartbeat may leave out a fresh lease, because the grant was still under way.
    public var grantDelay: Duration = .seconds(2)
    /// An event this much later than the deadline before it shows that the master itself was stalled (a paused
    /// virtual machine, SIGSTOP). The time above the deadline is then nobody's silence. At most half of the time between
    /// `suspectAfter` and `deadAfter`: so a master that resumes has as long again to read what arrived.
    public var stallTolerance: Duration = .milliseconds(500)

    /// The result revision that this release produces. Workers of another revision are refused.
    public var resultRevision: UInt32 = JobOptions.currentResultRevision

    /// Leases that a worker may hold ahead of a free slot, per slot, so that it can fetch their inputs early.
    public var prefetchPerSlot: Int = 1
    /// How often a task may lose its worker before its image is dead-lettered; counted apart from its failed attempts.
    public var maximumWorkerLosses: UInt32 = 20
    /// How often an image may start over because intermediate blobs were lost.
    public var maximumRestarts: UInt32 = 5
    /// The delay before the attempt that follows the first failure; it doubles with each further one.
    public var firstBackoff: Duration = .milliseconds(500)
    public var longestBackoff: Duration = .seconds(30)
    /// The least time that an attempt may run without progress.
    public var progressTimeout: Duration = .seconds(60)
    /// Pixels of a task that add one second to its progress timeout.
    public var slowestPixelsPerSecond: UInt64 = 1_000_000

    /// An attempt is a straggler when it is this many times older than the mean of its job's tasks of that kind ...
    public var stragglerFactor: Int = 2
    /// ... and at least this old.
    public var stragglerAge: Duration = .seconds(2)

    /// What no worker knows of the choice of tasks that are audited; used once, for the state's first job with audits. Without
    /// it there are none.
    public var auditSalt: AuditSalt?
    /// How long an audit waits for an idle slot before it competes with the other work of its submitter.
    public var auditDelay: Duration = .seconds(5)
    /// How long an image waits for a worker that could audit its tasks, while there is none.
    public var auditWait: Duration = .seconds(30)
    /// How long a result can be withdrawn, because a worker that took part is found faulty. As long, inputs are kept.
    public var auditWindow: Duration = .zero

    /// A job of at most this many pixels does not wait behind the larger ones of its submitter.
    public var interactivePixels: UInt64 = 16_000_000

    // What is beyond these limits is refused; the refusal names the master's setting, given here in brackets.

    /// Jobs that have not ended (max-jobs).
    public var maximumOpenJobs: Int = 10_000
    /// Jobs of one submitter that have not ended (max-jobs-per-submitter).
    public var maximumOpenJobsPerSubmitter: Int = 2_000
    /// Jobs that are kept, ended ones included (max-kept-jobs).
    public var maximumJobs: Int = 100_000
    /// Images of all jobs that are kept (max-kept-images).
    public var maximumImages: Int = 4_000_000
    /// (max-images-per-job).
    public var maximumImagesPerJob: Int = 1_000_000
    /// Tasks that may wait for a worker, over all jobs; and the tasks that images which were begun may have together (max-tasks).
    public var maximumTasksReady: Int = 2_000_000
    /// Tasks of one image, by which the rest of its plan is measured, too (max-tasks-per-image).
    public var maximumTasksPerImage: Int = 250_000
    /// Tasks of a job that may be found without room before the job is set aside for a second.
    public var heldTasksPerJob: Int = 16
    /// Images that may wait for a redrive; beyond it, they fail permanently (max-dead-letters).
    public var maximumDeadLetters: Int = 100_000
    /// Connected workers (max-workers).
    public var maximumWorkers: Int = 20_000
    /// Workers that are gone but still listed.
    public var maximumGoneWorkers: Int = 1_000
    /// Slots that one worker may offer (max-slots-per-worker).
    public var maximumSlotsPerWorker: Int = 1_024

    // Bounds that have no setting.

    /// Ranks that a slot of a worker may have.
    public static let mostRanksPerSlot = 1_024
    /// Bytes of memory that a worker may offer for the task of one slot. With less it could not run a small image: a worker that
    /// says so would have images planned for it, or given up.
    public static let leastSlotMemory: UInt64 = 64 << 20
    public static let mostSlotMemory: UInt64 = 1 << 50

    /// Bytes of an image's name.
    public static let longestName = ImageDescription.longestName
    /// Bytes of a pipeline.
    public static let longestPipeline = 16_384

    public init() {}

    /// How large the plan of an image may be.
    public var planLimits: PlanLimits { PlanLimits(maximumTasks: maximumTasksPerImage) }

    /// Sets how often a worker sends a heartbeat, and how long its silence may last in proportion: suspect after 4, dead
    /// after 6, leases lapse after 20.
    public mutating func beat(every interval: Duration) {
        heartbeatInterval = interval
        suspectAfter = interval * 4
        deadAfter = interval * 6
        leaseDuration = interval * 20
        reconnectGrace = interval * 10
        grantDelay = interval * 4
        stallTolerance = interval
    }

    /// Checks that the values fit together.
    public func validate() throws(SchedulerConfigurationError) {
        func demand(_ holds: Bool, _ text: @autoclosure () -> String) throws(SchedulerConfigurationError) {
            if !holds { throw SchedulerConfigurationError(description: text()) }
        }
        try demand(heartbeatInterval > .zero, "heartbeatInterval is \(heartbeatInterval); it must be above 0")
        try demand(
            suspectAfter > heartbeatInterval,
            "suspectAfter is \(suspectAfter); it must be above heartbeatInterval, \(heartbeatInterval)")
        try demand(
            deadAfter > suspectAfter, "deadAfter is \(deadAfter); it must be above suspectAfter, \(suspectAfter)")
        try demand(
            leaseDuration > heartbeatInterval,
            "leaseDuration is \(leaseDuration); it must be above heartbeatInterval, \(heartbeatInterval)")
        try demand(reconnectGrace >= .zero, "reconnectGrace is \(reconnectGrace); it must not be negative")
        try demand(grantDelay >= .zero, "grantDelay is \(grantDelay); it must not be negative")
        try demand(stallTolerance > .zero, "stallTolerance is \(stallTolerance); it must be above 0")
        try demand((0...16).contains(prefetchPerSlot), "prefetchPerSlot is \(prefetchPerSlot); allowed are 0 to 16")
        try demand(maximumWorkerLosses >= 1, "maximumWorkerLosses is 0; it must be at least 1")
        try demand(firstBackoff >= .zero, "firstBackoff is \(firstBackoff); it must not be negative")
        try demand(
            longestBackoff >= firstBackoff,
            "longestBackoff is \(longestBackoff); it must be at least firstBackoff, \(firstBackoff)")
        try demand(progressTimeout > .zero, "progressTimeout is \(progressTimeout); it must be above 0")
        try demand(slowestPixelsPerSecond >= 1, "slowestPixelsPerSecond is 0; it must be at least 1")
        try demand(stragglerFactor >= 1, "stragglerFactor is \(stragglerFactor); it must be at least 1")
        try demand(auditDelay > .zero, "auditDelay is \(auditDelay); it must be above 0")
        try demand(auditWait >= .zero, "auditWait is \(auditWait); it must not be negative")
        try demand(auditWindow >= .zero, "auditWindow is \(auditWindow); it must not be negative")
        try demand(stragglerAge > .zero, "stragglerAge is \(stragglerAge); it must be above 0")
        for (name, value) in [
            ("maximumOpenJobs", maximumOpenJobs), ("maximumOpenJobsPerSubmitter", maximumOpenJobsPerSubmitter),
            ("maximumJobs", maximumJobs), ("maximumImages", maximumImages),
            ("maximumImagesPerJob", maximumImagesPerJob), ("maximumDeadLetters", maximumDeadLetters),
            ("maximumTasksReady", maximumTasksReady), ("heldTasksPerJob", heldTasksPerJob),
            ("maximumTasksPerImage", maximumTasksPerImage),
            ("maximumWorkers", maximumWorkers),
            ("maximumGoneWorkers", maximumGoneWorkers), ("maximumSlotsPerWorker", maximumSlotsPerWorker),
        ] {
            try demand(value >= 1 && value <= Int(UInt32.max), "\(name) is \(value); allowed are 1 to \(UInt32.max)")
        }
    }
}

/// A configuration that contradicts itself.
public struct SchedulerConfigurationError: Error, Hashable, CustomStringConvertible {
    public let description: String
}
