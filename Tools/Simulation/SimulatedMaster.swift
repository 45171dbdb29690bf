import JobModel
import MasterMachine
import Scheduler

/// The master daemon's process: the real state machine, and what the simulated shell keeps around it.
final class SimulatedMaster {
    var machine: Master<Int, Int, Reply>
    let run: Int
    /// `connection` is `nil` for what comes from the master's own background work, and from its operator.
    var mailbox: [(connection: Int?, mail: MasterMail)] = []
    /// What is being made durable.
    var committing: Turn<Reply>?
    /// When the next turn takes place; `nil` when no turn is arranged.
    var nextTurn: Instant?
    /// What background work is to do to the store's files, in its order. Many thousands can wait.
    var storeWork = Queue<StoreWork>()
    /// Puts of each blob whose confirmation has not been carried out.
    var protectedPuts: [BlobDigest: Int] = [:]
    /// The room on the disk as measured last before the present turn, and in it.
    var measuredRoom: [UInt64] = []
    /// Workers that said, before the present turn and last, that they cannot run tasks.
    var unreadyBefore: Set<WorkerID> = []
    var unready: Set<WorkerID> = []
    var pauseBegan = Instant.zero
    /// There was another one shortly before.
    var hadPauseBefore = false
    var pausedUntil = Instant.zero
    /// What each worker listed last since the previous turn.
    var listings: [WorkerID: Set<LeaseID>] = [:]
    /// Leases whose end the worker itself reported, or was told in an answer, since the previous turn.
    var settled: Set<LeaseID> = []

    /// Images that viewers have asked about since the previous turn.
    var looks: [ImageID] = []

    enum Reply {
        case toWorker(connection: Int, WorkerMail)
        case toClient(connection: Int, ClientMail)
        case toViewer(ImageID, PartialResult)
    }

    init(_ machine: consuming Master<Int, Int, Reply>, run: Int) {
        self.machine = machine
        self.run = run
    }
}
