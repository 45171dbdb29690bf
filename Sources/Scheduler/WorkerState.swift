import JobModel
import SeededFaults

/// A worker as the scheduler knows it, and its states:
///
///                      registered                  silent: suspectAfter
///     (unknown) ------------------> connected ---------------------------> suspect
///                    ^               |  ^   ^------- heard ------------------ |
///                    |  disconnected |  | registered                          | silent: deadAfter
///                    |               v  |                                     v
///     (restart) -> expected ------> gone <---------------------------- declared dead
///                     not heard in time
struct WorkerState: Sendable {
    enum Link: Hashable, Sendable {
        case connected(lastHeard: Instant)
        /// Silent for too long to be given new leases.
        case suspect(lastHeard: Instant)
        /// It held leases when the master stopped, and may come back with them until then.
        case expected(until: Instant)
        case gone(since: Instant)
    }

    let id: WorkerID
    /// The identity of the process that registered with it; `nil` after a restart of the master, until somebody has.
    var identity: [UInt8]?
    var name: String
    var slotCount: Int
    var ranksPerSlot: Int
    /// Memory that the task of one slot may take; `nil` when the worker does not say.
    var slotMemoryByteCount: UInt64?
    var link: Link
    var isDraining = false
    /// It computed wrong results, and gets no leases until the operator releases it.
    var isQuarantined = false
    /// It gave leases back without draining: until then it gets no others.
    var restsUntil: Instant?
    /// Leases that it gave back without draining since it finished one.
    var returnsInARow = 0
    /// Why it cannot run tasks, by its own word; `nil` when it can.
    var unreadyReason: String?
    var connectedSince: Instant
    /// When this run of the master heard of it first.
    var firstSeen = Instant.zero
    /// In the order in which they were granted. The first `slotCount` fill the slots, the others are staged.
    var leases: [LeaseID] = []

    var tasksDone: UInt64 = 0
    var attemptsLost: UInt64 = 0
    var attemptsFailed: UInt64 = 0
    var residentBytes: UInt64 = 0

    /// The alarm that is set for it; an earlier one that is still in the clock has no meaning.
    var alarm: Instant?
    /// Its keys in the pool's two heaps.
    var availableLoad: WorkerLoad?
    var ladenLoad: WorkerLoad?

    var isConnected: Bool {
        switch link {
        case .connected, .suspect: true
        case .expected, .gone: false
        }
    }

    /// Whether it may be given leases, room permitting.
    var takesLeases: Bool {
        switch link {
        case .connected:
            !isDraining && !isQuarantined && restsUntil == nil
                && (seeded(.unreadyWorkerGranted) || unreadyReason == nil)
        case .suspect, .expected, .gone: false
        }
    }

    /// Whether it is connected, and not silent.
    var isHeard: Bool { if case .connected = link { true } else { false } }

    /// Whether this run of the master knows what it calls itself.
    var isNamed: Bool { identity != nil }

    /// Whether it is connected and was told to take no more leases.
    var drainsConnected: Bool { isConnected && isDraining }

    /// Whether it is connected, and gets no leases only because it cannot run tasks.
    var isUnready: Bool { isConnected && !isDraining && unreadyReason != nil }

    /// The memory of a slot that may be given leases; `nil` when it may not.
    var offeredMemory: UInt64? { takesLeases ? slotMemoryByteCount ?? .max : nil }

    var hasFreeSlot: Bool { leases.count < slotCount }
    /// Slots with a lease, while it is connected.
    var busySlotCount: Int { isConnected ? min(leases.count, slotCount) : 0 }
    /// Slots that may be given a lease.
    var idleSlotCount: Int { takesLeases ? max(0, slotCount - leases.count) : 0 }
    var stagedLeases: ArraySlice<LeaseID> { leases.dropFirst(slotCount) }
    var load: WorkerLoad { WorkerLoad(leases: leases.count, slots: slotCount, worker: id) }
}

/// Orders workers by their leases per slot.
struct WorkerLoad: Hashable, Comparable, Sendable {
    let leases: Int
    let slots: Int
    let worker: WorkerID

    static func < (left: WorkerLoad, right: WorkerLoad) -> Bool {
        let (a, b) = (left.leases * right.slots, right.leases * left.slots)
        // Among equally loaded ones the larger worker comes first, which spreads the work evenly.
        return a != b ? a < b : (right.slots, left.worker) < (left.slots, right.worker)
    }
}

/// A lease that has been granted and not ended.
struct Lease: Sendable {
    let id: LeaseID
    let key: TaskKey
    var worker: WorkerID
    let grantedAt: Instant
    /// When it got a slot, as far as known.
    var startedAt: Instant?
    /// When it ends, unless a heartbeat lists it before.
    var deadline: Instant
    var progress: Double = 0
    /// The progress that was counted last, and how often some was.
    private var countedProgress: Double = 0
    private var countedSteps = 0
    /// When its latest progress was counted.
    var progressAt: Instant
    /// The longest it may run without progress, once started.
    let progressTimeout: Duration
    let kind: TaskKind
    /// It is a second opinion on a task that is done.
    var isAudit = false
    /// What an audit of a decoding published so far.
    var bands: [Int: BlobReference] = [:]
    /// Bytes of its result that are not stored yet.
    var storageByteCount: UInt64

    init(
        id: LeaseID, key: TaskKey, worker: WorkerID, grantedAt: Instant, startedAt: Instant?, deadline: Instant,
        progressTimeout: Duration, kind: TaskKind, storageByteCount: UInt64
    ) {
        self.id = id
        self.key = key
        self.worker = worker
        self.grantedAt = grantedAt
        self.startedAt = startedAt
        self.deadline = deadline
        self.progressTimeout = progressTimeout
        self.kind = kind
        self.storageByteCount = storageByteCount
        progressAt = grantedAt
    }

    /// The share of an attempt that counts as progress. So an attempt that continues by less in each `progressTimeout` ends, and
    /// none takes longer than `maximumSteps` of these.
    static let leastStep = 1.0 / 64
    /// A small image is decoded, then computed: the progress of each is told from 0 to 1.
    static let maximumSteps = 192

    /// The worker says how far it is.
    mutating func advanced(to progress: Double, at now: Instant) {
        let isChanged = progress != self.progress
        self.progress = progress
        let isFurther = progress - countedProgress >= Self.leastStep || (progress >= 1 && countedProgress < 1)
        let isNextPart = countedProgress - progress >= Self.leastStep
        let isCounted = (isFurther || isNextPart) && countedSteps < Self.maximumSteps
        guard seeded(.creepingProgressCounts, isChanged, else: isCounted) else { return }
        countedProgress = progress
        countedSteps += 1
        progressAt = now
    }
}

/// Tasks of a kind take about equally long.
enum TaskKind: Int, Hashable, Sendable, CaseIterable {
    case whole, decode, chunk, reduce

    init(_ step: TaskStep) {
        switch step {
        case .whole: self = .whole
        case .decode: self = .decode
        case .chunk: self = .chunk
        case .reduce: self = .reduce
        }
    }
}

/// All workers, and the heaps from which they are chosen.
struct WorkerPool: Sendable {
    private(set) var workers: [WorkerID: WorkerState] = [:]
    private var namesakes: [String: Set<WorkerID>] = [:]
    /// Workers that may be given a lease, the least loaded first.
    private var available = RevocableHeap<WorkerLoad>()
    /// Connected workers with staged leases.
    private var laden = RevocableHeap<WorkerLoad>()
    private(set) var connectedCount = 0
    private(set) var takingCount = 0
    private(set) var drainingCount = 0
    private(set) var unreadyCount = 0
    private(set) var busySlotCount = 0
    private(set) var idleSlotCount = 0
    /// Workers that are gone, by when; some may have come back since.
    private var gone: [WorkerID] = []
    private let prefetchPerSlot: Int
    private let maximumGoneCount: Int
    /// The slots' memory of workers that take leases, and how many have it; usually a few values.
    private var slotMemories: [UInt64: Int] = [:]
    private(set) var smallestSlotMemory = UInt64.max
    private(set) var largestSlotMemory = UInt64.max

    init(prefetchPerSlot: Int, maximumGoneCount: Int) {
        self.prefetchPerSlot = prefetchPerSlot
        self.maximumGoneCount = maximumGoneCount
    }

    subscript(_ id: WorkerID) -> WorkerState? { workers[id] }

    mutating func leastLoaded() -> WorkerLoad? { available.first() }
    mutating func mostLaden() -> WorkerLoad? { laden.last() }

    /// The least loaded worker that may be given a lease and is none of `avoided`.
    mutating func leastLoaded(except avoided: Set<WorkerID>) -> WorkerLoad? {
        var skipped: [WorkerLoad] = []
        defer { for load in skipped { available.insert(load) } }
        while let load = available.first() {
            if !avoided.contains(load.worker) { return load }
            available.remove(load)
            skipped.append(load)
        }
        return nil
    }

    mutating func insert(_ worker: WorkerState) {
        workers[worker.id] = worker
        namesakes[worker.name, default: []].insert(worker.id)
        if worker.isConnected { connectedCount += 1 }
        if worker.takesLeases { takingCount += 1 }
        if worker.drainsConnected { drainingCount += 1 }
        if worker.isUnready { unreadyCount += 1 }
        busySlotCount += worker.busySlotCount
        idleSlotCount += worker.idleSlotCount
        noteMemory(of: worker, from: nil)
        reindex(worker.id)
    }

    /// Changes a worker and its keys in the heaps.
    mutating func update(_ id: WorkerID, _ change: (inout WorkerState) -> Void) {
        guard let before = workers[id] else { return }
        let (wasConnected, wasTaking, oldMemory) = (before.isConnected, before.takesLeases, before.offeredMemory)
        let (wasDraining, wasUnready) = (before.drainsConnected, before.isUnready)
        let (oldBusy, oldIdle) = (before.busySlotCount, before.idleSlotCount)
        change(&workers[id]!)
        guard let after = workers[id] else { return }
        if after.name != before.name {
            forgetName(of: before)
            namesakes[after.name, default: []].insert(id)
        }
        connectedCount += (after.isConnected ? 1 : 0) - (wasConnected ? 1 : 0)
        takingCount += (after.takesLeases ? 1 : 0) - (wasTaking ? 1 : 0)
        drainingCount += (after.drainsConnected ? 1 : 0) - (wasDraining ? 1 : 0)
        unreadyCount += (after.isUnready ? 1 : 0) - (wasUnready ? 1 : 0)
        busySlotCount += after.busySlotCount - oldBusy
        idleSlotCount += after.idleSlotCount - oldIdle
        noteMemory(of: after, from: oldMemory)
        reindex(id)
        if case .gone = after.link, case .gone = before.link {} else if case .gone = after.link { bury(id) }
    }

    /// Whether a worker that is none of `avoided` takes leases, with or without room for one now.
    func hasTaker(except avoided: Set<WorkerID>) -> Bool {
        takingCount > avoided.count { workers[$0]?.takesLeases == true }
    }

    /// The workers that call themselves as this one, which is among them: on one machine, as far as is known. A worker without a
    /// name is alone.
    func namesakes(of id: WorkerID) -> Set<WorkerID> {
        guard let name = workers[id]?.name, !name.isEmpty else { return [id] }
        return namesakes[name] ?? [id]
    }

    private mutating func forgetName(of worker: WorkerState) {
        namesakes[worker.name]?.remove(worker.id)
        if namesakes[worker.name]?.isEmpty == true { namesakes[worker.name] = nil }
    }

    /// The workers that take leases and have less than `byteCount` for a slot.
    func workers(withLessMemoryThan byteCount: UInt64) -> Set<WorkerID> {
        Set(workers.values.lazy.filter { $0.offeredMemory.map { $0 < byteCount } ?? false }.map(\.id))
    }

    private mutating func noteMemory(of worker: WorkerState, from old: UInt64?) {
        let new = worker.offeredMemory
        guard new != old else { return }
        if let new { slotMemories[new, default: 0] += 1 }
        if let old { slotMemories[old] = slotMemories[old] == 1 ? nil : slotMemories[old, default: 1] - 1 }
        smallestSlotMemory = slotMemories.keys.min() ?? .max
        largestSlotMemory = slotMemories.keys.max() ?? .max
    }

    private mutating func reindex(_ id: WorkerID) {
        guard let worker = workers[id] else { return }
        let isAvailable =
            worker.takesLeases && worker.leases.count < worker.slotCount * (1 + prefetchPerSlot)
        let availableLoad = isAvailable ? worker.load : nil
        if worker.availableLoad != availableLoad {
            if let old = worker.availableLoad { available.remove(old) }
            if let new = availableLoad { available.insert(new) }
            workers[id]?.availableLoad = availableLoad
        }
        let ladenLoad = worker.isConnected && worker.leases.count > worker.slotCount ? worker.load : nil
        if worker.ladenLoad != ladenLoad {
            if let old = worker.ladenLoad { laden.remove(old) }
            if let new = ladenLoad { laden.insert(new) }
            workers[id]?.ladenLoad = ladenLoad
        }
    }

    /// Keeps the number of workers that are gone bounded: those gone longest are forgotten.
    private mutating func bury(_ id: WorkerID) {
        gone.append(id)
        guard gone.count > 2 * maximumGoneCount else { return }
        var kept: Set<WorkerID> = []
        for id in gone.reversed() {
            guard case .gone? = workers[id]?.link, !kept.contains(id) else { continue }
            if kept.count < maximumGoneCount {
                kept.insert(id)
            } else if let forgotten = workers.removeValue(forKey: id) {
                forgetName(of: forgotten)
            }
        }
        var seen: Set<WorkerID> = []
        gone = gone.reversed().filter { kept.contains($0) && seen.insert($0).inserted }.reversed()
    }
}
