import JobModel
import Metrics
import Synchronization
import TestBasics
import Testing

@testable import DaemonSupport
@testable import MasterDaemon
@testable import Scheduler

@Suite struct MasterBoardTests {
    /// A clock that a test sets.
    private final class ModelClock: Sendable {
        private let instant = Mutex(Instant(nanoseconds: 1_000_000_000_000))
        var now: Instant { instant.withLock { $0 } }
        func advance(by duration: Duration) { instant.withLock { $0 = $0 + duration } }
    }

    private let clock = ModelClock()

    private func board(_ refusals: RefusalCount = RefusalCount()) -> MasterBoard {
        MasterBoard(refusals: refusals, stateDirectory: "/nonexistent") { [clock] in clock.now }
    }

    private func snapshot(
        _ counters: MasterCounters = MasterCounters(), activity: SchedulerActivity = SchedulerActivity()
    ) -> MasterSnapshot {
        MasterSnapshot(
            takenAt: clock.now, counters: counters, activity: activity, steps: MasterSnapshot.StepTimes(),
            queueStall: .zero, minimumFreeByteCount: 7)
    }

    private func lines(_ board: MasterBoard) -> Set<Substring> {
        Set(MetricsText(board.metrics).text.split(separator: "\n").filter { !$0.hasPrefix("#") })
    }

    @Test func `a master is ready from serving to stopping, while its loop turns`() {
        let board = board()
        #expect(board.health == .good)
        #expect(board.readiness == .bad("the journal is being replayed"))
        #expect(board.metrics.isEmpty, "nothing is known yet")
        board.turned(snapshot())
        #expect(board.readiness == .bad("the journal is being replayed"))
        board.serves()
        #expect(board.readiness == .good)
        clock.advance(by: .seconds(10))
        #expect(board.readiness == .good)
        clock.advance(by: .seconds(1))
        let words = "the decision loop has not turned for 11 s; look at the disk of the state directory"
        #expect(board.readiness == .bad(words))
        #expect(board.health == .good)
        clock.advance(by: .seconds(20))
        guard case .bad = board.health else { Issue.record("a loop that hangs is healthy"); return }
        #expect(lines(board).contains("tessera_snapshot_age_seconds 31.0"), "it is answered all the same")
        board.turned(snapshot())
        #expect(board.health == .good && board.readiness == .good)
        board.stops()
        #expect(board.readiness == .bad("the master is stopping"))
        board.serves()
        #expect(board.readiness == .bad("the master is stopping"), "a race of the start with the end")
    }

    @Test func `every state and every code is a series from the start, and nothing else is`() {
        let refusals = RefusalCount()
        let board = board(refusals)
        board.turned(snapshot())
        let before = lines(board)
        #expect(before.contains(#"tessera_refusals_total{code="overloaded"} 0"#))
        #expect(before.contains(#"tessera_attempts_total{outcome="worker-lost"} 0"#))
        #expect(before.contains(#"tessera_task_seconds_count{kind="chunk"} 0"#))
        refusals.refused(.overloaded)
        var activity = SchedulerActivity()
        activity.took(.seconds(3), .chunk)
        board.turned(snapshot(activity: activity))
        func names(_ lines: Set<Substring>) -> Set<Substring> { Set(lines.map { $0[..<$0.lastIndex(of: " ")!] }) }
        #expect(names(lines(board)) == names(before))
        #expect(lines(board).contains(#"tessera_refusals_total{code="overloaded"} 1"#))
        #expect(lines(board).contains(#"tessera_task_seconds_bucket{kind="chunk",le="5.0"} 1"#))
        #expect(lines(board).contains(#"tessera_task_seconds_bucket{kind="chunk",le="2.5"} 0"#))
    }

    @Test func `states are parts of what they count`() {
        var counters = MasterCounters()
        counters.scheduler.jobsOpen = 5
        counters.scheduler.workersConnected = 9
        counters.scheduler.workersTaking = 4
        counters.scheduler.workersDraining = 2
        counters.scheduler.workersUnready = 1
        counters.scheduler.slotsBusy = 6
        counters.scheduler.slotsIdle = 2
        let board = board()
        board.turned(snapshot(counters))
        let lines = lines(board)
        for line in [
            #"tessera_jobs{state="open"} 5"#, #"tessera_workers{state="taking"} 4"#,
            #"tessera_workers{state="draining"} 2"#, #"tessera_workers{state="not-ready"} 1"#,
            #"tessera_workers{state="silent"} 2"#, #"tessera_slots{state="busy"} 6"#,
            #"tessera_slots{state="idle"} 2"#, "tessera_disk_reserve_bytes 7",
        ] { #expect(lines.contains(Substring(line)), "\(line)") }
    }

    @Test func `the page of metrics has every family of the master, as it is`() throws {
        let board = board()
        board.turned(snapshot())
        try MetricsPage.check("master", board.families.filter { !MetricsPage.isOfEveryProgram($0) })
        try MetricsPage.check("every program", board.families.filter(MetricsPage.isOfEveryProgram))
    }

    @Test func `a queue is stalled while there are ready tasks and no grants`() {
        var stall = QueueStall()
        func at(_ second: Int) -> Instant { .zero + .seconds(second) }
        #expect(stall.seen(ready: 0, granted: 0, at: at(1)) == .zero)
        #expect(stall.seen(ready: 3, granted: 0, at: at(2)) == .zero)
        #expect(stall.seen(ready: 3, granted: 0, at: at(5)) == .seconds(3))
        #expect(stall.seen(ready: 2, granted: 1, at: at(6)) == .zero, "one was granted")
        #expect(stall.seen(ready: 9, granted: 1, at: at(16)) == .seconds(10))
        #expect(stall.seen(ready: 0, granted: 1, at: at(17)) == .zero)
        #expect(stall.seen(ready: 1, granted: 1, at: at(30)) == .zero, "the wait begins again")
    }
}
