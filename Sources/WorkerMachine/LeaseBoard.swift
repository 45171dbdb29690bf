import JobModel
import SeededFaults

/// Decides what a worker does with its leases: when to fetch, run, upload and report. Performs no I/O, reads no clock.
///
/// ```
///  granted -> fetching -> ready -> running(slot) -> uploading -> reporting -> acknowledged
///                 |         |           |              |
///                 +---------+-----------+--------------+--> reporting (a failure) -> acknowledged
/// ```
/// A lease stays on the board, and in every heartbeat, until the master has acknowledged its report: a report that was on its
/// way when the connection broke is sent again after the next registration, in order, behind the bands published before it.
public struct LeaseBoard {
    public enum Phase: Equatable {
        case fetching
        case ready
        case running(slot: Int)
        case uploading
        case reporting
    }

    public enum Action: Equatable {
        case fetch(LeaseID, TaskSpec)
        case run(LeaseID, TaskSpec, slot: Int)
        /// Stop fetching, running or uploading for the lease, and remove its files. Its end is not reported.
        case abandon(LeaseID)
        /// The lease is over: remove its files.
        case clear(LeaseID)
        /// To be repeated after a reconnection until the master acknowledges the number.
        case send(number: UInt32, WorkerReport)
    }

    private struct Entry {
        /// `nil` for a lease that cannot be used.
        let spec: TaskSpec?
        var phase: Phase
    }

    private let slotCount: Int
    private var entries: [LeaseID: Entry] = [:]
    /// In the order of their grants.
    private var order: [LeaseID] = []
    private var freeSlots: [Int]
    /// Not yet acknowledged, in the order in which they arose.
    private var unacknowledged: [(number: UInt32, report: WorkerReport)] = []
    private var lastNumber: UInt32 = 0
    /// Whether an operator, or the end of the worker, keeps new work away.
    public private(set) var isOrderedToDrain = false
    /// Whether the worker is able to run tasks: it has its scratch directory, and its worlds come up.
    public private(set) var isReady = true
    /// Whether leases that are granted go back at once.
    public var isDraining: Bool { isOrderedToDrain || !isReady }

    public init(slotCount: Int) {
        precondition(slotCount > 0, "a worker has at least one slot")
        self.slotCount = slotCount
        freeSlots = (0..<slotCount).reversed()
    }

    /// What the worker really holds, for heartbeats and registrations.
    public var held: [(lease: LeaseID, started: Bool)] {
        order.compactMap { lease in
            guard let entry = entries[lease] else { return nil }
            let started =
                switch entry.phase {
                case .fetching, .ready: false
                case .running, .uploading, .reporting: true
                }
            return (lease, started)
        }
    }

    /// Nothing left to do or to tell.
    public var isIdle: Bool { entries.isEmpty }

    public func phase(of lease: LeaseID) -> Phase? { entries[lease]?.phase }

    // MARK: What the master says

    public mutating func granted(_ lease: LeaseID, _ spec: TaskSpec) -> [Action] {
        // Granted twice: a harmless race of a reconnection; the first grant counts.
        guard entries[lease] == nil else { return [] }
        if isDraining {
            order.append(lease)
            entries[lease] = Entry(spec: spec, phase: .reporting)
            return report(.failed(lease, Failure(.returned, reasonToReturn)))
        }
        order.append(lease)
        entries[lease] = Entry(spec: spec, phase: .fetching)
        return [.fetch(lease, spec)]
    }

    /// The master granted a lease that the worker cannot use: the attempt fails, and nothing else does.
    public mutating func refused(_ lease: LeaseID, _ failure: Failure) -> [Action] {
        // Granted before in a form that could be used: a harmless race; the first grant counts.
        guard entries[lease] == nil else { return [] }
        order.append(lease)
        entries[lease] = Entry(spec: nil, phase: .reporting)
        return report(.failed(lease, failure))
    }

    /// The master says that these are no longer the worker's.
    public mutating func dropped(_ leases: [LeaseID]) -> [Action] {
        var actions: [Action] = []
        for lease in leases {
            guard let entry = remove(lease) else { continue }
            unacknowledged.removeAll { $0.report.lease == lease }
            // A running slot becomes free when its world has stopped, not before.
            if case .running(let slot) = entry.phase {
                if seeded(.slotFreedEarly) { freeSlots.append(slot) }
                stopping[lease] = slot
            }
            actions.append(.abandon(lease))
        }
        return actions + startReady()
    }

    public mutating func acknowledged(_ number: UInt32) -> [Action] {
        guard let index = unacknowledged.firstIndex(where: { $0.number == number }) else { return [] }
        let report = unacknowledged.remove(at: index).report
        switch report {
        case .band: return []
        case .finished(let lease, _), .failed(let lease, _):
            remove(lease)
            return [.clear(lease)]
        }
    }

    /// A connection to the master is registered: everything that it may not have heard is said again.
    public mutating func reconnected() -> [Action] {
        if seeded(.reportsReordered) { unacknowledged.reverse() }
        return seeded(.reportNotRepeated, [], else: unacknowledged).map { .send(number: $0.number, $0.report) }
    }

    /// The worker takes no new work and returns leases that have not started. Those that run continue.
    public mutating func drainBegan() -> [Action] {
        isOrderedToDrain = true
        return returnWaiting()
    }

    public mutating func drainEnded() { isOrderedToDrain = false }

    /// The worker cannot run tasks: it takes no new work until it can, and returns leases that have not started.
    public mutating func becameUnready() -> [Action] {
        isReady = false
        return seeded(.unreadyKeepsLeases, [], else: returnWaiting())
    }

    public mutating func becameReady() { isReady = true }

    private var reasonToReturn: String {
        isOrderedToDrain ? "the worker is draining" : "the worker cannot run tasks at present"
    }

    private mutating func returnWaiting() -> [Action] {
        order.flatMap { lease -> [Action] in
            switch entries[lease]?.phase {
            case .fetching, .ready: return [.abandon(lease)] + end(lease, Failure(.returned, reasonToReturn))
            case .running, .uploading, .reporting, nil: return []
            }
        }
    }

    /// The time for draining is over: what still runs goes back, too.
    public mutating func drainExpired() -> [Action] {
        order.flatMap { lease -> [Action] in
            switch entries[lease]?.phase {
            case .running(let slot):
                stopping[lease] = slot
                return [.abandon(lease)] + end(lease, Failure(.returned, "the worker stopped before the task was done"))
            case .fetching, .ready, .uploading:
                return [.abandon(lease)] + end(lease, Failure(.returned, "the worker stopped before the task was done"))
            case .reporting, nil:
                return []
            }
        }
    }

    // MARK: What the worker did

    public mutating func fetched(_ lease: LeaseID) -> [Action] {
        guard entries[lease]?.phase == .fetching else { return [] }
        entries[lease]?.phase = .ready
        return startReady()
    }

    public mutating func bandUploaded(_ lease: LeaseID, index: UInt32, blob: BlobReference) -> [Action] {
        guard entries[lease] != nil else { return [] }
        return report(.band(lease, index: index, blob: blob))
    }

    /// The world has done its part; the slot is free, the outputs are still to be uploaded.
    public mutating func computed(_ lease: LeaseID, slot: Int) -> [Action] {
        freeSlots.append(slot)
        if stopping.removeValue(forKey: lease) == nil { entries[lease]?.phase = .uploading }
        return startReady()
    }

    public mutating func finished(_ lease: LeaseID, _ output: TaskOutput) -> [Action] {
        guard entries[lease]?.phase == .uploading else { return startReady() }
        entries[lease]?.phase = .reporting
        return report(.finished(lease, output)) + startReady()
    }

    /// Fetching, running or uploading failed. `slot` is the slot it ran in, which is free again.
    public mutating func failed(_ lease: LeaseID, slot: Int?, _ failure: Failure) -> [Action] {
        if let slot {
            if !seeded(.slotNotFreed) { freeSlots.append(slot) }
            stopping[lease] = nil
        }
        return end(lease, failure) + startReady()
    }

    // MARK: Within

    /// Leases that were taken away while they ran, with the slot that is not free yet.
    private var stopping: [LeaseID: Int] = [:]

    private mutating func end(_ lease: LeaseID, _ failure: Failure) -> [Action] {
        switch entries[lease]?.phase {
        case nil, .reporting: return []
        case .fetching, .ready, .running, .uploading:
            entries[lease]?.phase = .reporting
            return report(.failed(lease, failure))
        }
    }

    private mutating func report(_ report: WorkerReport) -> [Action] {
        lastNumber &+= 1
        unacknowledged.append((lastNumber, report))
        return [.send(number: lastNumber, report)]
    }

    @discardableResult
    private mutating func remove(_ lease: LeaseID) -> Entry? {
        order.removeAll { $0 == lease }
        return entries.removeValue(forKey: lease)
    }

    /// Starts what is ready, in the order of the grants; results that wait for their upload hold back new work, so that
    /// the memory for outputs stays bounded.
    private mutating func startReady() -> [Action] {
        var actions: [Action] = []
        let uploading = entries.values.count { $0.phase == .uploading }
        guard uploading <= slotCount else { return [] }
        for lease in order {
            guard let slot = freeSlots.last else { break }
            guard let entry = entries[lease], entry.phase == .ready, let spec = entry.spec else { continue }
            freeSlots.removeLast()
            entries[lease]?.phase = .running(slot: slot)
            actions.append(.run(lease, spec, slot: slot))
        }
        return actions
    }
}
