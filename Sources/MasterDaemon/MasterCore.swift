import BlobStore
import Dispatch
import JobModel
import Journal
import Logging
import MasterMachine
import Protocol
import Scheduler
import SystemCalls
import Transport

/// The master's state, owned by the thread that runs the `DecisionLoop`; nothing here is touched from elsewhere.
///
/// It joins the two pure halves that do not know each other, in one order: the scheduler decides, the journal commits, and
/// only then are replies given and actions performed.
final class MasterCore {
    var scheduler: Scheduler
    /// What was decided and what is to be said, until it is durable.
    private var outbox = Outbox<() -> Void>()
    let journal: Journal
    let blobs: FolderBlobStore
    let logger: Logger
    let settings: MasterSettings
    /// How effects outside this thread (assembly, probing) are started.
    let launch: @Sendable (BackgroundWork) -> Void

    var workers = WorkerLinks<ControlConnection>()
    var watchers = Watchers()
    var results = ResultCache()
    var pins = BlobPins()
    var unsealed = UnsealedJobs<ObjectIdentifier>()
    let uploads: UploadBudget
    private var kept: KeptJobs

    /// A failure to write the journal outside a commit: the next commit, which every turn ends with, throws it.
    private var journalFailure: (any Error)?
    private var nextHousekeeping = Instant.zero
    private var identifiers: WorkerIdentifiers
    let startedAt: Instant

    /// Work that the loop starts and does not wait for; its outcome comes back as an event.
    enum BackgroundWork: Sendable {
        case assemble(Assembly)
        case sweepBlobs
        /// After a start: intermediate blobs are not synced, so a power cut can have taken some.
        case findLostBlobs
    }

    /// Replays the journal and takes up what was running.
    ///
    /// - Throws: `JournalError` or `ReplayError` when the state cannot be trusted: the master does not start.
    init(
        journal: Journal, blobs: FolderBlobStore, uploads: UploadBudget, settings: MasterSettings, logger: Logger,
        launch: @escaping @Sendable (BackgroundWork) -> Void
    ) throws {
        self.journal = journal
        self.blobs = blobs
        self.uploads = uploads
        kept = KeptJobs(duration: settings.keepResults)
        self.settings = settings
        self.logger = logger
        self.launch = launch
        startedAt = Self.currentInstant
        identifiers = WorkerIdentifiers(reserved: journal.highestWorkerID)
        scheduler = try Scheduler(
            configuration: settings.scheduler, nextJob: JobID(journal.highestJobID.rawValue + 1),
            nextWorker: identifiers.first)
        var completed: [(ImageID, BlobReference)] = []
        scheduler.expect(recordCount: journal.recordCount)
        try journal.replay { record in
            try scheduler.replay(record)
            if case .imageCompleted(let image, let result, _) = record { completed.append((image, result)) }
        }
        let now = now
        scheduler.recovered(at: now, into: &decision)
        for (image, result) in completed { remember(image, result) }
        // Beside serving: there may be a million.
        launch(.findLostBlobs)
        let summaries = scheduler.jobs(before: nil, limit: .max)
        for summary in summaries where summary.state == .open {
            unsealed.opened(summary.description.id, by: nil, at: now.instant)
        }
        kept.recovered(
            summaries.compactMap { summary in summary.finishedAt.map { (summary.description.id, $0) } }, at: now)
        uploads.queued(scheduler.counters.queuedByteCount, at: now.instant)
        logger.info(
            "journal replayed",
            metadata: [
                "records": "\(journal.recordCount)", "jobs.open": "\(scheduler.counters.jobsOpen)",
                "tasks.ready": "\(scheduler.counters.tasksReady)",
            ])
    }

    static var currentInstant: Instant { Instant(nanoseconds: BootTimeClock.now) }
    var now: Moment { Moment(Self.currentInstant, wallClockMilliseconds: WallClock.millisecondsSince1970) }

    // MARK: Decide, commit, send

    /// What the scheduler's events append to; changed in place.
    var decision: Decision {
        _read { yield outbox.decision }
        _modify { yield &outbox.decision }
    }

    /// Runs `reply` when all that was decided so far is durable.
    func afterCommit(_ reply: @escaping () -> Void) { outbox.reply(reply) }

    /// The loop ends: nobody is told what may not be durable.
    func dropReplies() { outbox.dropReplies() }

    /// Makes durable what was decided, then tells: first those who asked, then the workers and watchers.
    ///
    /// Actions can decide nothing themselves; what follows from them comes back as events.
    func commit() throws {
        if let journalFailure { throw journalFailure }
        guard let turn = outbox.take() else { return }
        if !turn.records.isEmpty { try journal.append(turn.records) }
        take(note: turn.records)
        let due = turn.afterCommit
        for reply in due.replies { reply() }
        for action in due.actions { perform(action) }
    }

    /// Takes notice of what has just become durable.
    private func take(note records: [Record]) {
        guard !records.isEmpty else { return }
        let now = Self.currentInstant
        for record in records {
            switch record {
            case .imageCompleted(let image, let result, _): remember(image, result)
            case .jobFinished(let job, _, let time), .jobCancelled(let job, let time):
                kept.ended(job, finishedAt: time, at: now)
            case .jobOpened, .imagesAdded, .jobSealed, .attemptStarted, .bandPublished, .taskCompleted, .attemptEnded,
                .imageFailed, .imageRedriven, .imageRestarted, .imageReplanned, .jobRevised, .jobForgotten:
                break
            }
        }
        uploads.queued(scheduler.counters.queuedByteCount, at: now)
    }

    private func perform(_ action: Action) {
        switch action {
        case .grant(let lease, let spec, let worker):
            logger.debug("lease granted", metadata: ["task.id": "\(lease)", "worker.id": "\(worker)"])
            for message in WireGrantLease.messages(lease: lease, spec: spec) { send(message, to: worker) }
        case .revoke(let lease, let worker, let reason):
            logger.debug(
                "lease revoked",
                metadata: ["task.id": "\(lease)", "worker.id": "\(worker)", "reason": "\(reason.code)"])
            send(
                .revokeLease(
                    .with {
                        $0.lease = lease.wire
                        $0.reason = reason.code
                    }), to: worker)
        case .assemble(let assembly): launch(.assemble(assembly))
        case .jobChanged(let job):
            if let summary = scheduler.jobSummary(job), summary.state.isFinal {
                watchers.ended(summary)
            } else {
                watchers.changed(job)
            }
        case .deleteBlob(let digest): delete(digest)
        case .workerDeclaredDead(let worker):
            logger.warning("worker declared dead", metadata: ["worker.id": "\(worker)"])
            workers.declaredDead(worker)?.close(
                WireRefusal(code: "silent", message: "no heartbeat came for \(settings.scheduler.deadAfter)"))
        }
    }

    private func send(_ message: WireControl.OneOf_Body, to worker: WorkerID) {
        // A connection that is going down requeues the worker's leases by itself.
        workers[worker]?.send(message)
    }

    // MARK: Time

    /// Called at every turn of the loop.
    func timePassed() {
        let now = now
        scheduler.wakeUpIfDue(at: now, into: &decision)
        if now.instant >= nextHousekeeping {
            nextHousekeeping = now.instant + .seconds(5)
            keepHouse(at: now)
        }
    }

    /// Called when all that was decided is durable: a summary shows the scheduler's present state, which must be committed.
    func tellWatchers() {
        watchers.flush(at: Self.currentInstant) { [self] in scheduler.jobSummary($0) }
    }

    /// How long the loop may sleep when nothing arrives, in a form that Dispatch takes.
    var idleTime: DispatchTimeInterval {
        let now = Self.currentInstant
        let deadlines = [scheduler.nextDeadline, watchers.nextFlush, nextHousekeeping].compactMap { $0 }
        let wait = (deadlines.min() ?? nextHousekeeping) - now
        return .microseconds(max(0, min(1_000_000, Int(wait / .microseconds(1)))) + 1)
    }

    private func keepHouse(at now: Moment) {
        for job in unsealed.abandoned(at: now.instant, after: settings.unsealedJobTimeout) {
            logger.warning("job cancelled: its client did not complete it", metadata: ["job.id": "\(job)"])
            try? scheduler.jobCancelled(job, at: now, into: &decision)
        }
        kept.forgetDue(in: &scheduler, at: now, into: &decision)
        for digest in pins.expired(at: now.instant, isIncomplete: unsealed.contains) where mayDelete(digest) {
            uploads.removed(digest)
            remove(digest)
        }
        if pins.isSweepDue(at: now.instant) { launch(.sweepBlobs) }
    }

    /// Identifiers of workers are reserved in blocks, durably, before one of them is given out.
    func reserveWorkerIdentifiers() throws {
        guard let last = identifiers.blockToReserve(for: scheduler.nextWorkerID) else { return }
        do {
            try journal.reserveWorkerIDs(through: last)
        } catch {
            journalFailure = error
            throw error
        }
        identifiers.reserved(through: last)
    }
}
