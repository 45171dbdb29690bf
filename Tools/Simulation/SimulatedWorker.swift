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
        /// It never ends, and gets on by next to nothing with every heartbeat.
        var isCreeping = false
        /// Retries of the transfer that is under way.
        var retries = Retries(.taskBlob)
        /// The master's disk has no room for what it made.
        var waitsForRoom = false
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
    /// The end of a stall: until then its events wait.
    var pausedUntil = Instant.zero
    /// When its latest stall ended.
    var resumedAt = Instant.zero
    var waiting: [Event] = []
    var work: [LeaseID: Run] = [:]
    /// The state that each lease is of, by the connection on which it was granted.
    var sources: [LeaseID: Generation] = [:]
    /// It has come to a master of another state, and registers when nothing runs any more.
    var startsOver = false
    /// Until then it gives back whatever it is granted.
    var givesBackUntil = Instant.zero
    var nextTicket = 1
    /// How its cores compute; a restart does not change it.
    var miscomputes = Miscomputation.never
    /// Leases whose result is wrong, as it was drawn.
    var wrong: [LeaseID: Bool] = [:]

    init(number: Int, slotCount: Int, resultRevision: UInt32) {
        self.number = number
        self.slotCount = slotCount
        self.resultRevision = resultRevision
        board = LeaseBoard(slotCount: slotCount)
    }
}
