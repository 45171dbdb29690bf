import DaemonSupport
import JobModel
import Metrics
import Synchronization
import SystemCalls

/// What the worker shows of itself: written at every heartbeat, and read by those who watch. The worker is not asked.
final class WorkerBoard: Sendable {
    /// Heartbeats come at least once a minute, and twice a second unless the master wants otherwise. After this time without one
    /// the worker counts as stalled.
    static let longestSilence = Duration.seconds(90)

    private struct State {
        var snapshot: WorkerSnapshot?
        var isStopping = false
    }

    private let state = Mutex(State())
    private let now: @Sendable () -> Instant

    init(now: @escaping @Sendable () -> Instant = { Instant(nanoseconds: BootTimeClock.now) }) { self.now = now }

    /// The time of a heartbeat, sent or not.
    func beat(_ snapshot: (Instant) -> WorkerSnapshot) {
        let snapshot = snapshot(now())
        state.withLock { $0.snapshot = snapshot }
    }

    func stops() { state.withLock { $0.isStopping = true } }
}

extension WorkerBoard: MetricsSource {
    var health: Health {
        guard let snapshot = state.withLock({ $0.snapshot }) else { return .good }
        let age = now() - snapshot.takenAt
        return age <= Self.longestSilence
            ? .good : .bad("the worker has made no heartbeat for \(age.components.seconds) s")
    }

    var readiness: Health {
        let (snapshot, isStopping) = state.withLock { ($0.snapshot, $0.isStopping) }
        if isStopping { return .bad("the worker is stopping") }
        guard let snapshot else { return .bad("the worlds are being started") }
        if case .bad = health { return health }
        if !snapshot.isRegistered { return .bad("the worker is not registered with a master") }
        if let trouble = snapshot.trouble { return .bad("the worker cannot run tasks: \(trouble)") }
        if snapshot.isDraining { return .bad("the worker takes no new tasks: it was told to drain") }
        return .good
    }

    var metrics: [MetricFamily] {
        guard let snapshot = state.withLock({ $0.snapshot }) else { return [] }
        return snapshot.metrics + [
            .number(
                "tessera_worker_snapshot_age_seconds", .gauge,
                "Since the worker wrote what is shown here; it does so at each heartbeat.",
                max(.zero, now() - snapshot.takenAt).inSeconds)
        ]
    }
}

/// The worker at one heartbeat, as metrics show it.
struct WorkerSnapshot: Sendable {
    let takenAt: Instant
    let isRegistered: Bool
    let isDraining: Bool
    /// Why it cannot run tasks.
    let trouble: String?
    let slotCount: Int
    let ranksPerSlot: Int
    /// Slots that run a task.
    let busySlotCount: Int
    let leaseCount: Int
    let scratchFreeByteCount: UInt64
    let activity: WorkerActivity

    var metrics: [MetricFamily] {
        func count(_ value: Int) -> UInt64 { UInt64(max(0, value)) }
        return [
            .gauge(
                "tessera_worker_registered", "Whether a master has registered the worker: 1 or 0.", isRegistered ? 1 : 0
            ),
            .gauge(
                "tessera_worker_draining", "Whether the worker was told to take no new tasks: 1 or 0.",
                isDraining ? 1 : 0),
            .gauge(
                "tessera_worker_not_ready", "Whether the worker cannot run tasks, by its own word: 1 or 0.",
                trouble == nil ? 0 : 1),
            .labelled(
                "tessera_worker_slots", .gauge, "Slots: with a task that runs, and without.", by: "state",
                ["busy": count(busySlotCount), "idle": count(slotCount - busySlotCount)]),
            .gauge("tessera_worker_ranks_per_slot", "MPI ranks of each slot.", count(ranksPerSlot)),
            .gauge("tessera_worker_leases", "Leases that the worker holds.", count(leaseCount)),
            .gauge(
                "tessera_worker_scratch_free_bytes", "Free bytes of the scratch directory's file system.",
                scratchFreeByteCount),
            .labelled(
                "tessera_worker_attempts_total", .counter,
                "Attempts that ended here, by outcome: done, or the cause of their end.", by: "outcome",
                [("done", activity.doneCount)] + FailureCause.allCases.map { ($0.code, activity.ends[$0, default: 0]) }),
            .histogram(
                "tessera_worker_compute_seconds",
                "From the order to the ranks to their answer, for tasks that were computed.", activity.computing),
            .histogram(
                "tessera_worker_fetch_seconds", "Time in which the inputs of a task were fetched.", activity.fetching),
            .counter("tessera_worker_registrations_total", "Registrations with a master.", activity.registrationCount),
        ]
    }
}

/// What the worker did since its process began.
struct WorkerActivity: Sendable {
    var doneCount: UInt64 = 0
    /// Attempts that ended without a result.
    var ends: [FailureCause: UInt64] = [:]
    var computing = DurationHistogram.ofTasks
    var fetching = DurationHistogram.ofTasks
    var registrationCount: UInt64 = 0
}
