import JobModel
import Testing

@testable import Scheduler

/// A scheduler whose shell is the test: hands it events at a time of its own, keeps what it decided, and checks after every event that
/// replaying the records gives the same durable state.
///
/// Workers here are models: they hold what was granted and not revoked, and beat in time while they are alive.
final class SchedulerHarness {
    struct Grant: Hashable {
        var lease: LeaseID
        var spec: TaskSpec
    }

    private(set) var scheduler: Scheduler
    private(set) var journal: [Record] = []
    private(set) var now = Instant(nanoseconds: 1_000_000_000_000)
    /// What was decided by the latest event.
    private(set) var latest = Decision()
    /// What each connected worker holds, in the order of the grants.
    private(set) var held: [WorkerID: [Grant]] = [:]
    var assemblies: [ImageID: Assembly] = [:]
    private(set) var deleted: Set<BlobDigest> = []
    private(set) var declaredDead: [WorkerID] = []
    /// Attempts that the scheduler took back.
    private(set) var revoked: [LeaseID: RevocationReason] = [:]
    /// Leases that the model workers do not list, though they were granted them.
    var unlisted: Set<LeaseID> = []
    var checksReplay = true
    /// Since the scheduler was made.
    private var doneCount: UInt64 = 0
    private var endedCounts: [FailureCause: UInt64] = [:]
    private var nextBeat: Instant
    private var shadow: Ledger
    private let planner: any ImagePlanner
    private var configuration: SchedulerConfiguration

    init(
        _ configuration: SchedulerConfiguration = SchedulerConfiguration(),
        planner: any ImagePlanner = ScriptedPlanner()
    ) throws {
        self.configuration = configuration
        self.planner = planner
        scheduler = try Scheduler(configuration: configuration, planner: planner)
        shadow = Ledger(planner: planner, nextJob: JobID(1))
        nextBeat = now + configuration.heartbeatInterval
        perform { $0.recovered(at: $1, into: &$2) }
    }

    var moment: Moment { Moment(now, wallClockMilliseconds: now.nanoseconds / 1_000_000) }

    /// Runs one event, makes its records durable, and tells the model workers.
    @discardableResult
    func perform<Result, Failure: Error>(
        _ event: (inout Scheduler, Moment, inout Decision) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var decision = Decision()
        let result = try event(&scheduler, moment, &decision)
        take(decision)
        return result
    }

    private func take(_ decision: Decision) {
        latest = decision
        journal += decision.records
        if checksReplay {
            for record in decision.records {
                #expect(throws: Never.self) { try self.shadow.apply(record) }
            }
            #expect(shadow == scheduler.ledger, "replay differs after \(decision.records)")
            checkCounts(after: decision.records)
        }
        for action in decision.actions {
            switch action {
            case .grant(let lease, let spec, let worker):
                #expect(decision.records.contains(.attemptStarted(lease, worker: worker)), "\(lease) was not counted")
                held[worker]?.append(Grant(lease: lease, spec: spec))
            case .revoke(let lease, let worker, let reason):
                revoked[lease] = reason
                drop(lease, from: worker)
            case .assemble(let assembly): assemblies[assembly.image] = assembly
            case .jobChanged: break
            case .deleteBlob(let digest):
                #expect(!isNeeded(digest), "\(digest) is deleted, but needed")
                deleted.insert(digest)
            case .workerDeclaredDead(let worker):
                declaredDead.append(worker)
                held[worker] = nil
            }
        }
    }

    /// What is counted as it changes is what a scan finds.
    private func checkCounts(after records: [Record]) {
        let workers = scheduler.pool.workers.values
        let counters = scheduler.counters
        #expect(counters.slotsBusy == workers.reduce(0) { $0 + $1.busySlotCount }, "after \(records)")
        #expect(counters.slotsIdle == workers.reduce(0) { $0 + $1.idleSlotCount }, "after \(records)")
        let work = scheduler.ledger.workByScan
        #expect(scheduler.ledger.backlog.work == work, "after \(records)")
        #expect(counters.tasksOpen == work.taskCount + counters.auditsWaiting, "after \(records)")
        for record in records {
            switch record {
            case .taskCompleted: doneCount += 1
            case .attemptEnded(_, _, let failure): endedCounts[failure.cause, default: 0] += 1
            default: break
            }
        }
        #expect(scheduler.activity.tasksDone == doneCount)
        for (cause, count) in scheduler.activity.attemptsEnded {
            #expect(count == endedCounts[cause, default: 0], "\(cause)")
        }
    }

    func drop(_ lease: LeaseID, from worker: WorkerID) { held[worker]?.removeAll { $0.lease == lease } }

    // What the scheduler answers. (`#expect` cannot call a noncopyable value itself.)

    var counters: SchedulerCounters { scheduler.counters }
    var shortage: StorageShortage? { scheduler.storageShortage }
    var storage: StorageRoom { scheduler.storage }
    var begunTasks: Int { scheduler.ledger.totals.begunTasks }
    func isNeeded(_ digest: BlobDigest) -> Bool { scheduler.isNeeded(digest) }
    func isNeeded(_ blob: BlobReference) -> Bool { scheduler.isNeeded(blob.digest) }
    func summary(_ job: JobID) -> JobSummary? { scheduler.jobSummary(job) }
    func partial(_ image: ImageID, from row: UInt32 = 0, limit: Int = 100) -> PartialResult? {
        scheduler.partialResult(of: image, firstRow: row, limit: limit)
    }
    func dead(_ image: ImageID) -> DeadImage? { scheduler.deadImage(image) }
    func deadImages(job: JobID?, after: ImageID?, limit: Int) -> [DeadImage] {
        scheduler.deadImages(job: job, after: after, limit: limit)
    }

    // MARK: Workers

    @discardableResult
    func connect(
        _ name: String = "worker", slots: Int = 1, memory: UInt64? = nil, as worker: WorkerID? = nil,
        identity: [UInt8] = [], holding leases: [LeaseID] = [], isDraining: Bool = false, unready reason: String? = nil,
        revision: UInt32? = nil
    ) throws -> WorkerID {
        let registration = WorkerRegistration(
            worker: worker, identity: identity, name: name, slotCount: slots, slotMemoryByteCount: memory,
            resultRevision: revision ?? configuration.resultRevision, held: leases.map { HeldLease($0) },
            isDraining: isDraining, unreadyReason: reason)
        // The grants of the registration itself come after its reply.
        let known = worker.flatMap { scheduler.pool[$0] }
        let isItsOwn = known.map { $0.identity == nil || $0.identity == identity }
        let isReturning = isItsOwn ?? worker.map { $0 < scheduler.nextWorker } ?? false
        let expected = isReturning ? worker ?? scheduler.nextWorker : scheduler.nextWorker
        let kept = (worker.flatMap { self.held[$0] } ?? []).filter { leases.contains($0.lease) }
        held[expected] = kept + leases.filter { lease in !kept.contains { $0.lease == lease } }.map { Self.taken($0) }
        let reply = try perform { scheduler, now, decision throws(SchedulerRefusal) in
            try scheduler.workerRegistered(registration, at: now, into: &decision)
        }
        dropped = reply.dropped
        for lease in reply.dropped { drop(lease, from: reply.worker) }
        return reply.worker
    }

    /// What the latest registration or heartbeat took away.
    private(set) var dropped: [LeaseID] = []

    private static func taken(_ lease: LeaseID) -> Grant {
        let geometry = ImageGeometry(width: 1, height: 1, channelCount: 1, bitsPerSample: 8)
        return Grant(
            lease: lease,
            spec: TaskSpec(
                task: lease.task, pipeline: "", geometry: geometry, chunkByteCount: 1, maximumPixelCount: 1, inputs: [],
                progressTimeoutMilliseconds: 1))
    }

    func disconnect(_ worker: WorkerID) {
        held[worker] = nil
        perform { $0.workerDisconnected(worker, at: $1, into: &$2) }
    }

    func beat(_ worker: WorkerID, progress: Double = 0, unready reason: String? = nil) {
        guard let grants = held[worker] else { return }
        let slots = scheduler.pool[worker]?.slotCount ?? 0
        let list = grants.filter { !unlisted.contains($0.lease) }.enumerated().map { position, grant in
            HeldLease(grant.lease, isStarted: position < slots, progress: position < slots ? progress : 0)
        }
        dropped = perform {
            $0.workerHeartbeat(worker, held: list, residentBytes: 1, unreadyReason: reason, at: $1, into: &$2)
        }
        for lease in dropped { drop(lease, from: worker) }
    }

    func leases(of worker: WorkerID) -> [LeaseID] { (held[worker] ?? []).map(\.lease) }
    func steps(of worker: WorkerID) -> [TaskStep] { leases(of: worker).map(\.task.step) }

    /// The images of whole tasks that the worker holds.
    func images(of worker: WorkerID) -> [UInt32] { leases(of: worker).map(\.task.image.index) }

    func status(_ worker: WorkerID) -> WorkerStatus? { scheduler.workers(at: moment).first { $0.id == worker } }

    // MARK: Time

    /// Lets time pass: connected workers beat in time, except for the silent ones; the scheduler is woken when it asked to
    /// be.
    func wait(_ duration: Duration, silent: Set<WorkerID> = [], progressing: Bool = true) {
        let end = now + duration
        while true {
            let next = min(nextBeat, scheduler.nextDeadline ?? end, end)
            now = max(now, next)
            if now >= nextBeat {
                for worker in held.keys.sorted() where !silent.contains(worker) {
                    // As a task of ten minutes tells it.
                    beat(worker, progress: progressing ? Double(now.nanoseconds % 600_000_000_000) / 600e9 : 0)
                }
                nextBeat = now + configuration.heartbeatInterval
            }
            if let deadline = scheduler.nextDeadline, deadline <= now {
                perform { $0.timePassed(at: $1, into: &$2) }
            } else if now >= end {
                return
            }
        }
    }

    /// Lets time pass, at whose end these workers say how far they are.
    func wait(_ duration: Duration, beating workers: [WorkerID: Double]) {
        wait(duration, silent: Set(held.keys))
        for worker in held.keys.sorted() { beat(worker, progress: workers[worker] ?? 0) }
    }

    /// The clock jumps, and nobody is told.
    func freeze(_ duration: Duration) { now = now + duration }

    // MARK: Jobs

    @discardableResult
    func submit(
        _ pipeline: String = "whole", images: Int = 1, by submitter: String = "ann", priority: Int32 = 0,
        token: String? = nil, maximumAttempts: UInt32 = 4, rows: UInt32 = 8, audit: AuditShare = .none,
        sealed: Bool = true
    ) throws -> JobID {
        let options = JobOptions(maximumAttempts: maximumAttempts, auditShare: audit)
        let opening = JobOpening(
            token: token ?? "token-\(journal.count)", submitter: submitter, priority: priority, pipeline: pipeline,
            options: options)
        let job = try perform { scheduler, now, decision throws(SchedulerRefusal) in
            try scheduler.jobOpened(opening, at: now, into: &decision)
        }
        try add(images, to: job, rows: rows)
        if sealed { try seal(job) }
        return job
    }

    /// A client opens a job, or says again that it does.
    func open(_ token: String, by submitter: String, _ pipeline: String = "whole") throws -> JobID {
        try perform { scheduler, now, decision throws(SchedulerRefusal) in
            try scheduler.jobOpened(
                JobOpening(token: token, submitter: submitter, pipeline: pipeline), at: now, into: &decision)
        }
    }

    func add(_ count: Int, to job: JobID, from first: UInt32 = 0, rows: UInt32 = 8) throws {
        let offers = (0..<count).map { position in
            ImageOffer(
                name: "image \(position)", input: .named("\(job).\(Int(first) + position).input"),
                admission: .accepted(ImageGeometry(width: 10, height: rows, channelCount: 1, bitsPerSample: 8)))
        }
        try add(offers, to: job, from: first)
    }

    func add(_ offers: [ImageOffer], to job: JobID, from first: UInt32 = 0) throws {
        try perform { scheduler, now, decision throws(SchedulerRefusal) in
            try scheduler.imagesAdded(to: job, firstIndex: first, offers, at: now, into: &decision)
        }
    }

    func seal(_ job: JobID) throws {
        let count = scheduler.jobSummary(job)?.counts.images ?? 0
        try perform { scheduler, now, decision throws(SchedulerRefusal) in
            try scheduler.jobSealed(job, imageCount: count, at: now, into: &decision)
        }
    }

    func cancel(_ job: JobID) throws {
        try perform { scheduler, now, decision throws(SchedulerRefusal) in
            try scheduler.jobCancelled(job, at: now, into: &decision)
        }
    }

    func forget(_ job: JobID) throws {
        try perform { scheduler, now, decision throws(SchedulerRefusal) in
            try scheduler.jobForgotten(job, at: now, into: &decision)
        }
    }

    @discardableResult
    func redrive(_ job: JobID, _ index: UInt32? = nil) throws -> Int {
        try perform { scheduler, now, decision throws(SchedulerRefusal) in
            try scheduler.deadRedriven(job: job, index: index, at: now, into: &decision)
        }
    }

    func state(_ job: JobID) -> JobState? { scheduler.jobSummary(job)?.state }
    func image(_ job: JobID, _ index: UInt32 = 0) -> ImageStatus? {
        scheduler.imageStatus(ImageID(job: job, index: index))
    }

    // MARK: Restart

    /// The master stops and starts again from its journal; all connections are broken.
    ///
    /// - Parameter revision: of the results of another release, as which it starts.
    func restart(after pause: Duration = .seconds(1), revision: UInt32? = nil) throws {
        now = now + pause
        configuration.resultRevision = revision ?? configuration.resultRevision
        var fresh = try Scheduler(
            configuration: configuration, nextWorker: scheduler.nextWorker, planner: planner)
        for record in journal { try fresh.replay(record) }
        (doneCount, endedCounts) = (0, [:])
        #expect(fresh.ledger == scheduler.ledger)
        #expect(fresh.ledger.backlog.work == scheduler.ledger.backlog.work)
        scheduler = fresh
        assemblies = [:]
        held = [:]
        perform { $0.recovered(at: $1, into: &$2) }
    }
}

extension Ledger {
    /// The work that is left, image by image.
    fileprivate var workByScan: Backlog.Work {
        var work = Backlog.Work.none
        for job in jobs.values {
            for (index, image) in job.images.enumerated() where !image.state.isFinal {
                let left = image.work(after: job.progress[UInt32(index)]?.doneCount ?? 0)
                work.taskCount += left.taskCount
                work.nominal += left.nominal
            }
        }
        return work
    }
}

extension BlobReference {
    /// A blob whose digest is made from a name.
    static func named(_ name: String, _ byteCount: UInt64 = 80) -> BlobReference {
        // FNV-1a over the name, with four different seeds: any function without collisions in a test would do.
        var bytes: [UInt8] = []
        for seed in UInt64(1)...4 {
            var hash = 14_695_981_039_346_656_037 &* seed
            for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 1_099_511_628_211 }
            withUnsafeBytes(of: hash) { bytes += $0 }
        }
        guard let digest = BlobDigest(bytes) else { preconditionFailure("four words are 32 bytes") }
        return BlobReference(digest: digest, byteCount: byteCount)
    }
}
