import DaemonSupport
import JobModel
import Metrics
import Synchronization
import TestBasics
import Testing

@testable import WorkerDaemon

@Suite struct WorkerBoardTests {
    private final class ModelClock: Sendable {
        private let instant = Mutex(Instant(nanoseconds: 1_000_000_000_000))
        var now: Instant { instant.withLock { $0 } }
        func advance(by duration: Duration) { instant.withLock { $0 = $0 + duration } }
    }

    private func snapshot(
        at now: Instant, isRegistered: Bool = true, isDraining: Bool = false, trouble: String? = nil,
        activity: WorkerActivity = WorkerActivity()
    ) -> WorkerSnapshot {
        WorkerSnapshot(
            takenAt: now, isRegistered: isRegistered, isDraining: isDraining, trouble: trouble, slotCount: 4,
            ranksPerSlot: 2, busySlotCount: 3, leaseCount: 5, scratchFreeByteCount: 99, activity: activity)
    }

    @Test func `a worker is ready while it is registered, able and not draining`() {
        let clock = ModelClock()
        let board = WorkerBoard { clock.now }
        #expect(board.readiness == .bad("the worlds are being started") && board.health == .good)
        #expect(board.metrics.isEmpty)
        board.beat { snapshot(at: $0, isRegistered: false) }
        #expect(board.readiness == .bad("the worker is not registered with a master") && board.health == .good)
        board.beat { snapshot(at: $0) }
        #expect(board.readiness == .good)
        board.beat { snapshot(at: $0, trouble: "/dev/shm is full") }
        #expect(board.readiness == .bad("the worker cannot run tasks: /dev/shm is full"))
        board.beat { snapshot(at: $0, isDraining: true) }
        #expect(board.readiness == .bad("the worker takes no new tasks: it was told to drain"))
        board.beat { snapshot(at: $0) }
        clock.advance(by: .seconds(91))
        #expect(board.health == .bad("the worker has made no heartbeat for 91 s"))
        #expect(board.readiness == board.health)
        board.stops()
        #expect(board.readiness == .bad("the worker is stopping"))
    }

    @Test func `the page of metrics has every family of the worker, as it is`() throws {
        let board = WorkerBoard()
        board.beat { snapshot(at: $0) }
        try MetricsPage.check("worker", board.metrics)
    }

    @Test func `slots and outcomes are what the worker did`() {
        var activity = WorkerActivity()
        activity.doneCount = 8
        activity.ends[.rankLost] = 2
        activity.computing.add(.seconds(2))
        let board = WorkerBoard()
        board.beat { snapshot(at: $0, activity: activity) }
        let lines = MetricsText(board.metrics).text.split(separator: "\n")
        for line in [
            #"tessera_worker_slots{state="busy"} 3"#, #"tessera_worker_slots{state="idle"} 1"#,
            #"tessera_worker_attempts_total{outcome="done"} 8"#,
            #"tessera_worker_attempts_total{outcome="rank-lost"} 2"#,
            #"tessera_worker_attempts_total{outcome="hung"} 0"#, "tessera_worker_compute_seconds_sum 2.0",
            "tessera_worker_scratch_free_bytes 99",
        ] { #expect(lines.contains(Substring(line)), "\(line)") }
    }
}
