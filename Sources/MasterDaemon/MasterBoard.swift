import DaemonSupport
import JobModel
import Journal
import Metrics
import Synchronization

/// What the master shows of itself: written by its decision loop at the end of every turn, and read by those who watch.
///
/// Nobody who watches asks the loop: a scrape costs it nothing, and is answered also while the loop waits for the disk.
final class MasterBoard: Sendable {
    /// The loop turns at least once a second. It may wait this long for the disk before the master counts as stalled; the
    /// service manager's watchdog waits as long.
    static let longestTurn = Duration.seconds(30)
    /// From then on new work is better sent elsewhere.
    static let longestReadyTurn = Duration.seconds(10)

    enum Phase: Sendable {
        case replaying, serving, stopping
    }

    private struct State {
        var phase = Phase.replaying
        var snapshot: MasterSnapshot?
    }

    private let state = Mutex(State())
    private let refusals: RefusalCount
    private let stateDirectory: String
    private let clock: @Sendable () -> Instant

    init(
        refusals: RefusalCount, stateDirectory: String,
        clock: @escaping @Sendable () -> Instant = { MasterCore.currentInstant }
    ) {
        self.refusals = refusals
        self.stateDirectory = stateDirectory
        self.clock = clock
    }

    /// A turn of the loop has ended.
    func turned(_ snapshot: MasterSnapshot) { state.withLock { $0.snapshot = snapshot } }

    /// Connections are accepted.
    func serves() { state.withLock { if $0.phase == .replaying { $0.phase = .serving } } }

    func stops() { state.withLock { $0.phase = .stopping } }

    private var present: (phase: Phase, snapshot: MasterSnapshot?, age: Duration) {
        let state = state.withLock { $0 }
        return (state.phase, state.snapshot, state.snapshot.map { max(.zero, clock() - $0.takenAt) } ?? .zero)
    }
}

extension MasterBoard: MetricsSource {
    var health: Health {
        let age = present.age
        return age <= Self.longestTurn ? .good : .bad(Self.stalled(age))
    }

    var readiness: Health {
        let (phase, _, age) = present
        switch phase {
        case .replaying: return .bad("the journal is being replayed")
        case .stopping: return .bad("the master is stopping")
        case .serving: return age <= Self.longestReadyTurn ? .good : .bad(Self.stalled(age))
        }
    }

    private static func stalled(_ age: Duration) -> String {
        "the decision loop has not turned for \(age.components.seconds) s; look at the disk of the state directory"
    }

    var metrics: [MetricFamily] {
        let (_, snapshot, age) = present
        guard let snapshot else { return [] }
        return snapshot.metrics + [
            .number(
                "tessera_snapshot_age_seconds", .gauge,
                "Since the decision loop wrote what is shown here; it does so at least once a second.", age.inSeconds),
            .labelled(
                "tessera_refusals_total", .counter, "Requests, transfers and workers that were refused.", by: "code",
                refusals.values),
            .gauge(
                "tessera_journal_wal_bytes", "Size of the journal's log, which is written back to its database.",
                Journal.logByteCount(in: stateDirectory)),
        ]
    }
}
