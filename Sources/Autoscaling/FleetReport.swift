import JobModel

/// What the master says at one moment: its work, and its workers.
package struct FleetReport: Hashable, Sendable {
    /// A worker process as the master sees it.
    package struct Worker: Hashable, Sendable {
        package enum State: Hashable, Sendable {
            /// It is given tasks, or will be as soon as it is heard of again.
            case taking
            /// It was told to take no more.
            case draining
            /// It is connected, and gets no tasks for another reason: it cannot run any, or is quarantined.
            case unable
            case gone
        }

        package var id: WorkerID
        package var name: String
        package var state: State
        package var slotCount: Int
        package var leaseCount: Int
        /// `host:port`; empty while it is not connected.
        package var address: String

        package init(
            id: WorkerID, name: String, state: State, slotCount: Int, leaseCount: Int = 0, address: String = ""
        ) {
            self.id = id
            self.name = name
            self.state = state
            self.slotCount = slotCount
            self.leaseCount = leaseCount
            self.address = address
        }
    }

    /// Slots with which the work that is left would end in time.
    package var slotsWanted: Int
    package var workers: [Worker]

    package init(slotsWanted: Int, workers: [Worker]) {
        self.slotsWanted = slotsWanted
        self.workers = workers
    }
}

/// All worker processes of one name: usually one, none before it has registered, two while one is replaced.
struct Namesakes: Hashable, Sendable {
    var slotCount = 0
    var leaseCount = 0
    var takingCount = 0
    /// Those that are connected, by number.
    var connected: [WorkerID] = []
    /// Those of them that were not told to drain.
    var undrained: [WorkerID] = []
    var address = ""
    /// Whether the master has known one of them, connected or not.
    var isKnown = false

    var isConnected: Bool { !connected.isEmpty }
    /// Whether none of them holds a task or can be given one.
    var isEmpty: Bool { leaseCount == 0 && undrained.isEmpty }

    mutating func add(_ worker: FleetReport.Worker) {
        isKnown = true
        guard worker.state != .gone else { return }
        connected.append(worker.id)
        slotCount += worker.slotCount
        leaseCount += worker.leaseCount
        if !worker.address.isEmpty { address = worker.address }
        switch worker.state {
        case .taking:
            takingCount += 1
            undrained.append(worker.id)
        case .draining, .gone: break
        case .unable: undrained.append(worker.id)
        }
    }
}
