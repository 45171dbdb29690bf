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
/// A shell around `Master`, which decides: it reads the clock, commits to the journal, and translates between the machine and
/// the wire.
final class MasterCore {
    typealias Machine = Master<ControlConnection, ObjectIdentifier, () -> Void>

    /// Only this room's events change it.
    private(set) var master: Machine
    let logger: Logger
    let settings: MasterSettings
    let uploads: UploadBudget
    private let counts: SessionCounts
    /// Where those who watch the master look.
    private let board: MasterBoard?
    private var steps = MasterSnapshot.StepTimes()
    private var queueStall = QueueStall()
    var watchers = Watchers<ControlConnection>()
    /// The counters as of the latest turn.
    var counters = MasterCounters()
    var storageWatch = StorageWatch()
    var recordsWatch = RecordsWatch()
    private let startedAt: Instant
    private let journal: Journal
    /// Starts work outside this thread. It is not waited for; its outcome returns as an event.
    let launch: @Sendable (BackgroundWork) -> Void

    /// Replays the journal and recovers what was running.
    ///
    /// - Parameter present: waits for the listing of the blob store, which runs beside the replay.
    /// - Throws: `JournalError`, `ReplayError` or `BlobStoreError` when the state cannot be trusted: the master does not start.
    init(
        journal: Journal, present: () throws -> Set<BlobDigest>, uploads: UploadBudget, counts: SessionCounts,
        board: MasterBoard? = nil, settings: MasterSettings, logger: Logger,
        launch: @escaping @Sendable (BackgroundWork) -> Void
    ) throws {
        self.journal = journal
        self.uploads = uploads
        self.counts = counts
        self.board = board
        self.settings = settings
        self.logger = logger
        self.launch = launch
        startedAt = Self.currentInstant
        var machine = settings.machine
        // Used once in the life of a state directory: the journal keeps it.
        var generator = SystemRandomNumberGenerator()
        machine.scheduler.auditSalt = AuditSalt(generator.next(), generator.next())
        master = try Machine(
            machine, nextJob: JobID(journal.highestJobID.rawValue + 1),
            nextWorker: WorkerID(journal.highestWorkerID.rawValue + 1))
        master.expect(recordCount: journal.recordCount)
        try journal.replay { try master.replay($0) }
        master.recovered(present: try present(), at: now)
        takeCounters()
        logger.info(
            "journal replayed",
            metadata: [
                "records": "\(journal.recordCount)", "jobs.open": "\(counters.scheduler.jobsOpen)",
                "tasks.ready": "\(counters.scheduler.tasksReady)",
            ])
    }

    static var currentInstant: Instant { Instant(nanoseconds: BootTimeClock.now) }
    var now: Moment { Moment(Self.currentInstant, wallClockMilliseconds: WallClock.millisecondsSince1970) }

    // MARK: Decide, commit, send

    /// Changes the machine with an event of its own.
    func decide<Result, Failure: Error>(
        _ event: (inout Machine, Moment) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try event(&master, now)
    }

    /// Runs `reply` when everything that was decided so far is durable.
    func afterCommit(_ reply: @escaping () -> Void) { master.reply(reply) }

    /// The loop ends: nobody is told what may not be durable.
    func dropReplies() { master.dropReplies() }

    /// Makes durable what was decided, then tells: first the peers that asked, then workers and watchers.
    func commit() throws {
        guard let turn = master.takeTurn() else { return }
        if !turn.records.isEmpty {
            let start = Self.currentInstant
            try journal.append(turn.records)
            steps.commits.add(Self.currentInstant - start)
            counters.commits += 1
            counters.recordsCommitted += UInt64(turn.records.count)
        }
        let actions = master.committed(turn, at: now)
        takeCounters()
        logFindings(turn.records)
        for reply in turn.replies { reply() }
        for action in actions { perform(action) }
    }

    private func takeCounters() {
        let now = Self.currentInstant
        counters.scheduler = master.scheduler.counters
        counters.machine = master.counters
        uploads.noted(
            queued: counters.scheduler.queuedByteCount, unclaimed: counters.machine.unclaimedByteCount, at: now)
        counters.uploads = uploads.counters
        counters.storage = StorageCounters(
            availableByteCount: storageWatch.availableByteCount, uploadsWait: storageWatch.uploadsWait,
            shortage: master.scheduler.storageShortage)
        counters.transfers = counts.transfers.values
        counters.connections = counts.connections.values
        counters.uptime = now - startedAt
    }

    /// A turn has ended: those who watch see the state after it.
    ///
    /// - Parameter began: when its events were taken; `nil` for a turn without any.
    func turned(began: Instant?) {
        guard let board else { return }
        let now = Self.currentInstant
        if let began { steps.turns.add(now - began) }
        takeCounters()
        let scheduler = counters.scheduler
        board.turned(
            MasterSnapshot(
                takenAt: now, counters: counters,
                activity: master.scheduler.activity, steps: steps,
                queueStall: queueStall.seen(
                    ready: scheduler.tasksReady, granted: scheduler.leasesGranted, at: now),
                minimumFreeByteCount: settings.minimumFreeByteCount))
    }

    // MARK: Time

    /// Called at every turn of the loop.
    func timePassed() {
        for job in decide({ $0.timePassed(at: $1) }) {
            logger.warning(
                "job cancelled: its client did not complete it",
                metadata: [
                    "job.id": "\(job)", "unsealed-timeout": "\(settings.unsealedJobTimeout)",
                    "idle-timeout": "\(settings.machine.idleTimeout)",
                ])
        }
    }

    /// Called when everything that was decided is durable: a summary shows the scheduler's present state.
    func tellWatchers() {
        noteShortage()
        noteRecords()
        for (job, audience) in watchers.flush(at: Self.currentInstant, isBehind: { $0.isBehind }) {
            if master.scheduler.jobSummary(job) == nil { _ = watchers.ended(job) }
            tell(audience, of: job)
        }
    }

    /// Sends the job's present state, encoded once for all.
    func tell(_ audience: [Watchers<ControlConnection>.Watcher], of job: JobID) {
        guard !audience.isEmpty else { return }
        let news: WireControl.OneOf_Body =
            if let summary = master.scheduler.jobSummary(job) {
                .jobSummary(wire(summary))
            } else {
                .refused(WireRefusal(.notFound, "job \(job) was forgotten while it was watched"))
            }
        do {
            let encoded = try EncodedControl(news)
            for watcher in audience { watcher.connection.send(encoded, stream: watcher.stream) }
        } catch {
            logger.error("a job's state does not fit a message", metadata: ["job.id": "\(job)", "error": "\(error)"])
        }
    }

    /// How long the loop may sleep when nothing arrives, in a form that Dispatch takes.
    var idleTime: DispatchTimeInterval {
        let deadline = [master.nextDeadline, watchers.nextFlush].compactMap { $0 }.min() ?? .zero
        return .microseconds(max(0, min(1_000_000, Int((deadline - Self.currentInstant) / .microseconds(1)))) + 1)
    }
}
