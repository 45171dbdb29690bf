import JobModel
import Scheduler

/// The master daemon's process: the real scheduler, and in memory what its shell keeps.
final class SimulatedMaster {
    var scheduler: Scheduler
    let run: Int
    /// `connection` is `nil` for what comes from the master's own background work, and from its operator.
    var mailbox: [(connection: Int?, mail: MasterMail)] = []
    var decision = Decision()
    /// What is sent when the present transaction is durable.
    var replies: [Reply] = []
    var committing: (actions: [Action], replies: [Reply])?
    /// The connection of each registered worker.
    var workers: [WorkerID: Int] = [:]
    /// When the last of several arranged turns takes place; `nil` when none is.
    var nextTurn: Instant?
    var nextHousekeeping = Instant.zero
    /// Unsealed jobs, by when their client was heard.
    var unsealed: [JobID: Instant] = [:]
    var pins: [BlobDigest: Instant] = [:]
    /// Output files that are being built.
    var assemblies: [ImageID: Assembly] = [:]
    var pausedUntil = Instant.zero

    enum Reply {
        case toWorker(connection: Int, WorkerMail)
        case toClient(connection: Int, ClientMail)
    }

    init(scheduler: consuming Scheduler, run: Int) {
        self.scheduler = scheduler
        self.run = run
    }
}
