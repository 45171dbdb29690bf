import JobModel
import MasterMachine
import Scheduler

/// The master daemon's process: the real scheduler, and in memory what its shell keeps.
final class SimulatedMaster {
    var scheduler: Scheduler
    let run: Int
    /// `connection` is `nil` for what comes from the master's own background work, and from its operator.
    var mailbox: [(connection: Int?, mail: MasterMail)] = []
    var outbox = Outbox<Reply>()
    /// What is being made durable.
    var committing: Turn<Reply>?
    var workers = WorkerLinks<Int>()
    var identifiers: WorkerIdentifiers
    /// When the last of several arranged turns takes place; `nil` when none is.
    var nextTurn: Instant?
    var nextHousekeeping = Instant.zero
    var unsealed = UnsealedJobs<Int>()
    var pins = BlobPins()
    var results = ResultCache()
    var kept: KeptJobs
    /// Output files that are being built.
    var assemblies: [ImageID: Assembly] = [:]
    var pauseBegan = Instant.zero
    /// There was another one shortly before.
    var hadPauseBefore = false
    var pausedUntil = Instant.zero
    /// What each worker listed last since the previous turn.
    var listings: [WorkerID: Set<LeaseID>] = [:]
    /// Leases whose end the worker itself reported, or was told in an answer, since the previous turn.
    var settled: Set<LeaseID> = []

    enum Reply {
        case toWorker(connection: Int, WorkerMail)
        case toClient(connection: Int, ClientMail)
    }

    init(scheduler: consuming Scheduler, identifiers: WorkerIdentifiers, kept: KeptJobs, run: Int) {
        self.scheduler = scheduler
        self.identifiers = identifiers
        self.kept = kept
        self.run = run
    }
}
