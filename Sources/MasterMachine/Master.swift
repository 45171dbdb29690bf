import JobModel
import Scheduler

/// What a master decides, as one state machine. Performs no I/O and reads no clock.
///
/// It joins the scheduler with what surrounds it in every master: which connection speaks for a worker, which blobs are in the
/// store and which of them may be deleted, which results answer identical requests, and when jobs are cancelled or forgotten.
/// The daemon and the simulation run the same machine; each is a shell that translates its own messages into events.
///
/// The order is always **decide, commit, send**:
///
///     events --> takeTurn --records--> shell commits --> committed --> replies, then actions
///
/// - An event is a method in the past tense. It returns what the shell needs for its answer, which the shell hands back with
///   `reply`: it is given when everything that was decided before it is durable.
/// - An action is what the shell does after the commit. Actions decide nothing; their outcome returns as an event.
///
/// `Link` is the shell's name for a worker's connection, `Client` for a client's, and `Reply` what it says to a peer that asked.
///
/// Invariant: `links` names exactly the workers that the scheduler counts as connected, at the end of every turn.
public struct Master<Link: Hashable, Client: Hashable, Reply>: ~Copyable {
    /// To be asked; only events of the master change it.
    public internal(set) var scheduler: Scheduler
    let configuration: MasterConfiguration
    private var outbox = Outbox<Reply>()
    var ownActions: [OwnAction] = []

    /// The connection of each registered worker.
    public internal(set) var links = WorkerLinks<Link>()
    var store = PresentBlobs()
    /// Blobs that a reader did not find, and for which the shell looks once more.
    var questioned: Set<BlobDigest> = []
    var pins = BlobPins()
    var sought = SoughtBlobs<Client>()
    var results = ResultCache()
    /// Uploads that no image refers to.
    var unclaimed = UnclaimedUploads()
    /// Blobs that were there at the start, and that nothing referred to. A worker may still report them, and a client may name them;
    /// those of which that is not so by `leftoversEnd` are removed.
    var leftovers: Set<BlobDigest> = []
    var leftoversEnd = Instant.zero
    var unsealed = UnsealedJobs<Client>()
    var kept: KeptJobs
    public internal(set) var nextHousekeeping = Instant.zero
    /// Jobs that gave way to new ones since the shell asked last.
    var yielded = YieldedJobs()
    /// Results found in the replayed records, until `recovered` takes them.
    private var completed: [(image: ImageID, result: BlobReference)] = []

    /// - Parameters:
    ///   - configuration: limits and delays; checked.
    ///   - nextJob: above every job identifier that was ever given out, should the journal no longer show it.
    ///   - nextWorker: the same for workers; see `Scheduler`.
    public init(
        _ configuration: MasterConfiguration, nextJob: JobID = JobID(1), nextWorker: WorkerID = WorkerID(1)
    ) throws(SchedulerConfigurationError) {
        self.configuration = configuration
        scheduler = try Scheduler(configuration: configuration.scheduler, nextJob: nextJob, nextWorker: nextWorker)
        kept = KeptJobs(duration: configuration.keepResults, leastDuration: configuration.keepAtLeast)
    }

    // MARK: Recovery

    /// Reserves capacity for the replay of that many records; optional.
    public mutating func expect(recordCount: Int) { scheduler.expect(recordCount: recordCount) }

    /// Restores one durable fact. Call for every record of the journal, in order, then `recovered`.
    public mutating func replay(_ record: Record) throws(ReplayError) {
        try scheduler.replay(record)
        if case .imageCompleted(let image, let result, _) = record { completed.append((image, result)) }
    }

    /// All records are replayed: the master serves from now on.
    ///
    /// - Parameter present: the blobs that are in the store.
    public mutating func recovered(present: Set<BlobDigest>, at now: Moment) {
        store = PresentBlobs(present)
        scheduler.recovered(at: now, into: &outbox.decision)
        leftovers = present.filter { !scheduler.isNeeded($0) }
        leftoversEnd = now.instant + BlobPins.duration
        for (image, result) in completed { remember(image, result) }
        completed = []
        let summaries = scheduler.jobs(before: nil, limit: .max)
        for summary in summaries where summary.state == .open {
            unsealed.opened(summary.description.id, by: nil, at: now.instant)
        }
        kept.recovered(
            summaries.compactMap { summary in
                summary.finishedAt.map { (summary.description.id, $0, summary.counts.imagesDone > 0) }
            }, at: now)
        ownActions.append(.findLostBlobs)
    }

    // MARK: Decide, commit, send

    /// Gives `reply` when everything that was decided so far is durable.
    public mutating func reply(_ reply: Reply) { outbox.reply(reply) }

    /// The master ends: replies that wait are dropped, because what they tell may not be durable.
    public mutating func dropReplies() { outbox.dropReplies() }

    /// Whether nothing waits to be committed or said.
    public var isIdle: Bool { outbox.isEmpty && ownActions.isEmpty }

    /// Whether records wait to be committed.
    public var hasUncommittedRecords: Bool { !outbox.decision.records.isEmpty }

    /// The workers that were declared dead since the last turn.
    public var workersDeclaredDead: [WorkerID] {
        outbox.decision.actions.compactMap { if case .workerDeclaredDead(let worker) = $0 { worker } else { nil } }
    }

    /// Takes all that was decided since the last turn; `nil` when there is nothing to do. The shell makes its records durable
    /// in one transaction, and then calls `committed`. Events may happen in between: they gather for the next turn.
    public mutating func takeTurn() -> Turn<Reply>? {
        guard !isIdle else { return nil }
        defer { ownActions = [] }
        return outbox.take(ownActions)
    }

    /// The records of the turn are durable.
    ///
    /// - Returns: the actions to perform, in their order, after the turn's replies were given.
    public mutating func committed(_ turn: Turn<Reply>, at now: Moment) -> [ShellAction<Link>] {
        for record in turn.records {
            switch record {
            case .imageCompleted(let image, let result, _): remember(image, result)
            case .imageWithdrawn(let image): withdrawn(image)
            case .jobFinished(let job, _, let time), .jobCancelled(let job, let time):
                let hasResults = scheduler.jobSummary(job).map { $0.counts.imagesDone > 0 } ?? false
                kept.ended(job, finishedAt: time, hasResults: hasResults, at: now.instant)
            case .jobOpened, .imagesAdded, .jobSealed, .attemptStarted, .bandPublished, .taskCompleted, .attemptEnded,
                .imageFailed, .imageRedriven, .imageRestarted, .imageReplanned, .jobRevised, .jobForgotten,
                .workersReserved, .auditsSalted, .taskAudited, .auditEnded, .resultsSettled, .workerQuarantined,
                .workerReleased:
                break
            }
        }
        var actions: [ShellAction<Link>] = []
        actions.reserveCapacity(turn.actions.count + turn.ownActions.count)
        for action in turn.actions { translate(action, into: &actions) }
        for action in turn.ownActions { translate(action, into: &actions) }
        return actions
    }

    private mutating func translate(_ action: Action, into actions: inout [ShellAction<Link>]) {
        switch action {
        // A connection that is being closed returns its worker's leases to the queue: nothing has to be sent.
        case .grant(let lease, let spec, let worker):
            actions.append(.grant(lease, spec, to: worker, on: links[worker]))
        case .revoke(let lease, let worker, let reason):
            actions.append(.revoke(lease, from: worker, on: links[worker], reason))
        case .assemble(let assembly): actions.append(.assemble(assembly))
        case .jobChanged(let job): actions.append(.tellWatchers(of: job))
        case .deleteBlob(let digest): removeIfUnneeded(digest, into: &actions)
        case .workerDeclaredDead(let worker):
            actions.append(.closeSilent(worker, on: links.declaredDead(worker)))
        }
    }

    private mutating func translate(_ action: OwnAction, into actions: inout [ShellAction<Link>]) {
        switch action {
        case .removeIfUnneeded(let digest): removeIfUnneeded(digest, into: &actions)
        case .confirmPut(let digest): actions.append(.confirmPut(digest))
        case .setAside(let digest): actions.append(.setAside(digest))
        case .findLostBlobs: actions.append(.findLostBlobs)
        case .sweepBlobs: actions.append(.sweepBlobs)
        }
    }

    // MARK: Parts

    /// Changes the scheduler with an event of its own.
    mutating func decide<Result, Failure: Error>(
        _ event: (inout Scheduler, inout Decision) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try event(&scheduler, &outbox.decision)
    }
}

/// Limits and delays of a master.
public struct MasterConfiguration: Sendable {
    public var scheduler: SchedulerConfiguration
    /// How long the results of a job that has ended are kept.
    public var keepResults: Duration
    /// How long they are kept when the records are full and others wait for the room.
    public var keepAtLeast: Duration
    /// A job whose client stays away for longer before the job is complete is cancelled.
    public var unsealedTimeout: Duration
    /// A job whose client is connected, but sends nothing for it for longer before it is complete, is cancelled.
    public var idleTimeout: Duration
    /// Jobs that one connection may have opened and not completed.
    public var maximumUnsealedJobsPerClient: Int

    /// - Parameter idleTimeout: by default six times `unsealedTimeout`.
    public init(
        scheduler: SchedulerConfiguration = SchedulerConfiguration(), keepResults: Duration = .seconds(7 * 86_400),
        keepAtLeast: Duration = .seconds(86_400), unsealedTimeout: Duration = .seconds(600),
        idleTimeout: Duration? = nil, maximumUnsealedJobsPerClient: Int = 100
    ) {
        self.scheduler = scheduler
        self.keepResults = keepResults
        self.keepAtLeast = keepAtLeast
        self.unsealedTimeout = unsealedTimeout
        self.idleTimeout = idleTimeout ?? unsealedTimeout * 6
        self.maximumUnsealedJobsPerClient = maximumUnsealedJobsPerClient
    }
}
