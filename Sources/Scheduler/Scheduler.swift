import Pipelines
import JobModel

/// Decides which worker runs which task. Performs no I/O, reads no clock, draws no random number.
///
/// Each event is a method in the past tense that appends to a `Decision`: the records to make durable, then the actions to
/// perform. The state has two parts:
///
/// - **durable**: `ledger`, the fold of all records. It changes in `commit` and `replay` only, by the same function.
/// - **volatile**: the connected workers, their leases and deadlines, the ready tasks and their order. After a restart it is made
///   again from the ledger by `recovered`, except for what only the workers know, which they tell when they register.
///
/// A task's life:
///
///     waiting for input -> ready -> leased -> done
///                            ^        |
///                            |        |  attempt ended (returned; lost or failed: after a delay)
///                            +--------+-----------------------------------------------------------> image dead-lettered
///                                     |  not to be retried                                (attempts used up)
///                                     +-----------------------------------------------------------> image failed
///
/// Invariant: `leases` holds exactly the attempts that the ledger has open.
public struct Scheduler: ~Copyable, Sendable {
    public let configuration: SchedulerConfiguration

    private(set) var ledger: Ledger

    var leases: [LeaseID: Lease] = [:]
    var pool: WorkerPool
    var nextWorker: WorkerID
    var queue = TaskQueue()
    /// Tasks that would be ready but for a delay, and until when.
    var delayed: [TaskKey: Instant] = [:]
    /// How often the placement of a task was delayed because only workers that had failed it had room.
    var placementDelays: [TaskKey: Int] = [:]
    /// Images that started over for want of room, and are not begun again beside others.
    var putOff: Set<ImageID> = []
    /// Tasks of each job that found no room within the last second.
    var heldTasks: [JobID: Int] = [:]
    /// How often each task was given back since it was last finished or withdrawn.
    var returns: [TaskKey: Int] = [:]
    /// Images whose output files the shell is building, with the bytes that these are going to take.
    var assembling: [ImageID: UInt64] = [:]
    /// The room for results.
    var storage = StorageRoom()
    /// How long each job's tasks took so far, by kind.
    var durations: [JobID: TaskDurations] = [:]
    /// Leases in the order of their grant, perhaps with some that have ended.
    var leasesByAge: [LeaseID] = []
    var isStragglerAlarmSet = false
    /// Finished tasks that wait for a second opinion.
    var audits = AuditQueue()
    /// Results that can be withdrawn, until when.
    var settling = SettlingQueue()
    /// When this run of the master began to serve with work that an earlier one had left.
    var recoveredAt: Instant?

    /// Spreads the retry times of clients that are refused for lack of room.
    var pacer = RetryPacer()
    var alarms = AlarmClock()
    /// The latest time, without the stalls of the master.
    var latest = Instant.zero
    /// How long the master was stalled in all.
    var stalledTime: Duration = .zero
    /// The deadline that was postponed last, because of a stall.
    var latestPostponed = Instant.zero
    var totals = SchedulerCounters()
    package internal(set) var activity = SchedulerActivity()
    /// Why the report that was heard last was refused.
    var refusal: String?

    /// - Parameters:
    ///   - configuration: limits and delays; checked.
    ///   - nextJob: above every job identifier that was ever given out, should the journal no longer show it.
    ///   - nextWorker: above every worker identifier that an earlier run of the master gave out, should no record show it: before
    ///     the record `workersReserved` existed, the journal kept that number beside the records.
    public init(
        configuration: SchedulerConfiguration = SchedulerConfiguration(), nextJob: JobID = JobID(1),
        nextWorker: WorkerID = WorkerID(1)
    ) throws(SchedulerConfigurationError) {
        try self.init(
            configuration: configuration, nextJob: nextJob, nextWorker: nextWorker, planner: CatalogueImagePlanner())
    }

    init(
        configuration: SchedulerConfiguration, nextJob: JobID = JobID(1), nextWorker: WorkerID = WorkerID(1),
        planner: any ImagePlanner
    ) throws(SchedulerConfigurationError) {
        try configuration.validate()
        self.configuration = configuration
        self.nextWorker = nextWorker
        ledger = Ledger(planner: planner, nextJob: nextJob)
        pool = WorkerPool(
            prefetchPerSlot: configuration.prefetchPerSlot, maximumGoneCount: configuration.maximumGoneWorkers)
    }

    /// Reserves capacity for the replay of that many records; optional.
    public mutating func expect(recordCount: Int) { ledger.expect(recordCount: recordCount) }

    /// Restores one durable fact. Call for every record of the journal, in order, then `recovered`.
    public mutating func replay(_ record: Record) throws(ReplayError) {
        try ledger.apply(record)
        _ = ledger.takeEffects()
    }

    /// Decides one durable fact: the state has it at once, and the shell will.
    mutating func commit(_ record: Record, into decision: inout Decision) {
        do {
            try ledger.apply(record)
        } catch {
            preconditionFailure("decided \(record), which does not fit: \(error)")
        }
        decision.records.append(record)
        activity.decided(record)
    }

    /// The last step of every event: queues new tasks, fills idle slots, and deletes blobs that nothing needs any longer.
    mutating func finishEvent(at now: Moment, into decision: inout Decision) {
        let effects = ledger.takeEffects()
        for key in effects.ready where ledger.isReady(key) { queue.push(key) }
        for key in effects.toAudit where ledger.awaitsAudit(key) { awaitAudit(key, at: now) }
        fillSlots(at: now, into: &decision)
        var deleted: Set<BlobDigest> = []
        for digest in effects.unneeded + ledger.takeEffects().unneeded
        where !ledger.blobs.isNeeded(digest) && deleted.insert(digest).inserted {
            decision.actions.append(.deleteBlob(digest))
        }
    }

    /// A task took that long. Times are measured, and of no record: nothing is decided by them.
    mutating func noteDuration(_ duration: Duration, of lease: Lease) {
        durations[lease.key.job, default: TaskDurations()].add(duration, for: lease.kind)
        activity.took(duration, lease.kind)
        guard let image = ledger.image(lease.key.image), image.taskCount > 0 else { return }
        ledger.backlog.took(duration, nominal: image.nominalTime(of: 1), of: lease.key.job)
    }

    // The planner caches plans, so asking it changes the scheduler, though not visibly.

    mutating func canonicalText(of pipeline: String) throws(PipelineError) -> String {
        try ledger.canonicalText(of: pipeline)
    }

    /// - Parameter known: the size, where the shell has computed it.
    mutating func planSize(
        _ job: JobDescription, _ image: AcceptedImage, known: PlanSize?
    ) throws(PipelineError) -> PlanSize {
        guard let known else { return try ledger.planSize(job, image) }
        ledger.remember(known, of: job, image)
        return known
    }

    mutating func planSize(
        _ job: JobDescription, _ image: AcceptedImage, chunkByteCount: UInt64
    ) throws(PipelineError) -> PlanSize {
        try ledger.planSize(job, image, chunkByteCount: chunkByteCount)
    }

    mutating func memoryByteCount(of key: TaskKey) -> (now: UInt64, largest: UInt64) {
        ledger.memoryByteCount(of: key)
    }

    mutating func storageByteCount(of key: TaskKey) -> UInt64 { ledger.storageByteCount(of: key) }

    mutating func chunkByteCount(for image: ImageID, fitting limit: UInt64) -> UInt64? {
        ledger.chunkByteCount(for: image, fitting: limit, within: configuration.planLimits)
    }
}
