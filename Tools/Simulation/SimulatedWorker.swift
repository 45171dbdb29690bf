import JobModel
import Retrying
import WorkerMachine

/// A worker daemon: the real lease board, and a model of what carries out its decisions.
struct SimulatedWorker {
    struct Run {
        let spec: TaskSpec
        /// Tells this run from an earlier one that was called off.
        var ticket: Int
        var slot: Int?
        var progress = 0.0
        /// Retries of the transfer that is under way.
        var retries = Retries(.taskBlob)
    }

    let number: Int
    let slotCount: Int
    /// The revision of the results that its release computes.
    let resultRevision: UInt32
    var board: LeaseBoard
    /// Counts the starts of the process.
    var run = 0
    var isUp = false
    var identifier: WorkerID?
    var connection: Int?
    var isRegistered = false
    var registeredAt = Instant.zero
    var lastHeard = Instant.zero
    /// Leases whose report is not acknowledged, since when.
    var reportingSince: [LeaseID: Instant] = [:]
    var link = MasterLinkState()
    /// Heartbeats sent, and answered, on the present connection.
    var beatsSent = 0
    var beatsAnswered = 0
    /// The number of the first heartbeat on this connection that says that the worker cannot run tasks.
    var unreadyBeat: Int?
    /// The end of a stall: until then its events wait.
    var pausedUntil = Instant.zero
    /// When its latest stall ended.
    var resumedAt = Instant.zero
    var waiting: [Event] = []
    var work: [LeaseID: Run] = [:]
    var nextTicket = 1

    init(number: Int, slotCount: Int, resultRevision: UInt32) {
        self.number = number
        self.slotCount = slotCount
        self.resultRevision = resultRevision
        board = LeaseBoard(slotCount: slotCount)
    }
}
