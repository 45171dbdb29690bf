import Autoscaling
import JobModel
import Testing

@Suite struct FleetTests {
    private static func stop(
        _ name: String, _ reason: FleetOrder.StopReason = .idle, worker: UInt64? = nil
    ) -> FleetOrder {
        .stop(
            name: name, reason, worker: worker.map { WorkerID($0) },
            address: worker.map { "10.0.0.\($0):40000" } ?? "")
    }

    // MARK: Growing

    @Test func `the least number of workers is started at once`() {
        var harness = FleetHarness(FleetHarness.policy(least: 2))
        #expect(harness.look() == [.start(name: "auto-1"), .start(name: "auto-2")])
        // What is being started is not started again.
        #expect(harness.look(after: .seconds(10)).isEmpty)
    }

    @Test func `work starts workers, at most as many as are allowed`() {
        var harness = FleetHarness(FleetHarness.policy(most: 3))
        #expect(harness.look().isEmpty)
        harness.slotsWanted = 2
        #expect(harness.look().count == 2)
        harness.slotsWanted = 100
        #expect(harness.look() == [.start(name: "auto-3")])
        #expect(harness.look(after: .seconds(30)).isEmpty)
    }

    @Test func `the first worker tells how many slots the others are going to have`() {
        var harness = FleetHarness(FleetHarness.policy(most: 20, slots: nil))
        harness.slotsWanted = 32
        #expect(harness.look() == [.start(name: "auto-1")])
        #expect(harness.startEnded("auto-1").isEmpty)
        #expect(harness.look(after: .seconds(10)).isEmpty)
        harness.register("auto-1", slots: 8)
        #expect(harness.look().count == 3, "32 slots are 4 workers of 8")
    }

    @Test func `slots of workers that are not of the fleet are counted`() {
        var harness = FleetHarness(FleetHarness.policy())
        harness.register("desk", slots: 3)
        harness.slotsWanted = 4
        #expect(harness.look() == [.start(name: "auto-1")])
    }

    // MARK: Starts that fail

    @Test func `a start that fails is tried again after a pause that doubles`() {
        var harness = FleetHarness(FleetHarness.policy())
        harness.slotsWanted = 5
        var starts = 0
        var times: [Instant] = []
        for _ in 0..<7200 {
            for case .start(let name) in harness.look(after: .seconds(1)) {
                starts += 1
                if times.last != harness.now { times.append(harness.now) }
                _ = harness.startEnded(name, .failed("ended with status 1: no quota"))
            }
        }
        // Five together, then one at a time: after 5, 10, 20, 40, 80, 160, and 300 seconds from then on.
        #expect(times[1] - times[0] == .seconds(5))
        #expect(times[2] - times[1] == .seconds(10))
        #expect(starts < 5 + 6 + 7200 / 300 + 1, "\(starts)")
        let text = harness.news.last { $0.code == .startFailed }?.description ?? ""
        #expect(text.contains("no quota") && text.contains("in 5 min") && text.contains("in a row"), "\(text)")
    }

    @Test func `after a failure one worker is tried, and the others when it has registered`() {
        var harness = FleetHarness(FleetHarness.policy())
        harness.slotsWanted = 3
        for case .start(let name) in harness.look() { _ = harness.startEnded(name, .failed("ended with status 1")) }
        #expect(harness.look(after: .seconds(5)) == [.start(name: "auto-4")])
        #expect(harness.startEnded("auto-4").isEmpty)
        #expect(harness.look(after: .seconds(60)).isEmpty)
        harness.register("auto-4")
        #expect(harness.look().count == 2)
    }

    @Test func `a worker that does not register in time is stopped, counted and told`() {
        var harness = FleetHarness(FleetHarness.policy(most: 1))
        harness.slotsWanted = 1
        #expect(harness.look() == [.start(name: "auto-1")])
        #expect(harness.startEnded("auto-1").isEmpty)
        #expect(harness.look(after: .seconds(599)).isEmpty)
        #expect(harness.look(after: .seconds(1)) == [Self.stop("auto-1", .neverRegistered)])
        #expect(harness.news.contains { $0.code == .neverRegistered && $0.description.contains("TESSERA_NAME") })
        // Its machine may be there: no other one is started before it is stopped.
        #expect(harness.look(after: .seconds(60)).isEmpty)
        _ = harness.stopEnded("auto-1")
        #expect(harness.look() == [.start(name: "auto-2")])
    }

    @Test func `a start command that was killed may have started something, which is stopped`() {
        var harness = FleetHarness(FleetHarness.policy())
        harness.slotsWanted = 1
        #expect(harness.look() == [.start(name: "auto-1")])
        #expect(harness.startEnded("auto-1", .killed("was killed after 10 min")).isEmpty)
        #expect(harness.look(after: .seconds(1)) == [Self.stop("auto-1", .startKilled)])
    }

    @Test func `a start command that was killed after it had started a worker costs that worker nothing`() {
        var harness = FleetHarness(FleetHarness.policy())
        harness.slotsWanted = 1
        #expect(harness.look() == [.start(name: "auto-1")])
        #expect(harness.startEnded("auto-1", .killed("was killed after 10 min")).isEmpty)
        harness.register("auto-1", leases: 1)
        #expect(harness.look(after: .seconds(1)).isEmpty)
    }

    // MARK: Shrinking

    @Test func `a fleet shrinks to what was wanted at most within the last minutes`() {
        var harness = FleetHarness(FleetHarness.policy(least: 1))
        harness.grow(to: 3)
        harness.slotsWanted = 0
        #expect(harness.look(after: .seconds(200)).isEmpty)
        harness.slotsWanted = 2
        #expect(harness.look(after: .seconds(1)).isEmpty)
        harness.slotsWanted = 0
        // Three were wanted until 200 s ago at most.
        #expect(harness.look(after: .seconds(98)).isEmpty)
        let orders = harness.look(after: .seconds(202))
        #expect(orders == [.drain(name: "auto-3", WorkerID(3))], "two were wanted within the span: \(orders)")
    }

    @Test func `a worker is drained, and stopped when it holds nothing`() {
        var harness = FleetHarness(FleetHarness.policy())
        harness.grow(to: 1)
        harness.slotsWanted = 0
        harness.change("auto-1") { $0.leaseCount = 2 }
        #expect(harness.look(after: .seconds(300)).isEmpty)
        #expect(harness.look(after: .seconds(301)) == [.drain(name: "auto-1", WorkerID(1))])
        // The order was lost.
        #expect(harness.look(after: .seconds(1)) == [.drain(name: "auto-1", WorkerID(1))])
        harness.change("auto-1") { $0.state = .draining }
        #expect(harness.look(after: .seconds(3600)).isEmpty, "it holds two tasks")
        harness.change("auto-1") { $0.leaseCount = 0 }
        #expect(harness.look(after: .seconds(1)) == [Self.stop("auto-1", worker: 1)])
        #expect(harness.stopEnded("auto-1").isEmpty)
        harness.change("auto-1") { $0.state = .gone }
        #expect(harness.look(after: .seconds(1)).isEmpty)
        #expect(harness.fleet.memberCount == 0)
    }

    @Test func `the idle workers are drained first`() {
        var harness = FleetHarness(FleetHarness.policy())
        harness.grow(to: 3)
        harness.slotsWanted = 1
        harness.change("auto-2") { $0.leaseCount = 1 }
        harness.change("auto-3") { $0.leaseCount = 1 }
        _ = harness.look(after: .seconds(300))
        let orders = harness.look(after: .seconds(301))
        #expect(orders == [.drain(name: "auto-1", WorkerID(1)), .drain(name: "auto-3", WorkerID(3))])
    }

    @Test func `a draining worker is taken back before another one is started`() {
        var harness = FleetHarness(FleetHarness.policy())
        harness.grow(to: 1)
        harness.slotsWanted = 0
        _ = harness.look(after: .seconds(300))
        #expect(harness.look(after: .seconds(301)) == [.drain(name: "auto-1", WorkerID(1))])
        harness.change("auto-1") { ($0.state, $0.leaseCount) = (.draining, 1) }
        harness.slotsWanted = 2
        #expect(harness.look(after: .seconds(1)) == [.resume(name: "auto-1", WorkerID(1)), .start(name: "auto-2")])
    }

    @Test func `a stop that fails is tried again, but not while the worker is back at work`() {
        var harness = FleetHarness(FleetHarness.policy())
        harness.grow(to: 1)
        harness.change("auto-1") { $0.state = .gone }
        _ = harness.look(after: .seconds(1))
        #expect(harness.look(after: .seconds(60)).contains(Self.stop("auto-1", .lost, worker: 1)))
        #expect(harness.stopEnded("auto-1", .failed("ended with status 1")).isEmpty)
        harness.change("auto-1") { ($0.state, $0.leaseCount) = (.taking, 1) }
        #expect(harness.look(after: .seconds(60)).isEmpty)
    }

    // MARK: Workers that go by themselves

    @Test func `a worker that is away for a moment is waited for, then replaced and stopped`() {
        var harness = FleetHarness(FleetHarness.policy())
        harness.grow(to: 2)
        harness.change("auto-1") { $0.state = .gone }
        #expect(harness.look(after: .seconds(1)).isEmpty)
        #expect(harness.look(after: .seconds(59)).isEmpty)
        let orders = harness.look(after: .seconds(1))
        #expect(orders == [Self.stop("auto-1", .lost, worker: 1), .start(name: "auto-3")])
    }

    @Test func `a master that has just started, and lists nobody, starts no second fleet`() {
        var harness = FleetHarness(FleetHarness.policy())
        harness.grow(to: 3)
        let workers = harness.workers
        harness.workers = []
        #expect(harness.look(after: .seconds(1)).isEmpty)
        harness.workers = workers
        #expect(harness.look(after: .seconds(30)).isEmpty)
    }

    @Test func `a worker that cannot run tasks is replaced, and drained`() {
        var harness = FleetHarness(FleetHarness.policy())
        harness.grow(to: 2)
        harness.change("auto-1") { $0.state = .unable }
        #expect(harness.look(after: .seconds(300)).isEmpty)
        let orders = harness.look(after: .seconds(60))
        #expect(orders.contains(.start(name: "auto-3")), "\(orders)")
        #expect(harness.look(after: .seconds(1)).isEmpty, "its successor is not there yet")
        harness.register("auto-3")
        #expect(harness.look(after: .seconds(1)).contains(.drain(name: "auto-1", WorkerID(1))))
    }

    @Test func `a worker that came and went between two looks is lost, not awaited, and stands for nobody`() {
        var harness = FleetHarness(FleetHarness.policy(least: 1))
        harness.grow(to: 1)
        harness.slotsWanted = 2
        #expect(harness.look() == [.start(name: "auto-2")])
        _ = harness.startEnded("auto-2")
        harness.register("auto-2")
        harness.change("auto-2") { $0.state = .gone }
        #expect(harness.look(after: .seconds(1)).isEmpty)
        #expect(harness.look(after: .seconds(60)) == [Self.stop("auto-2", .lost), .start(name: "auto-3")])
    }

    // MARK: Another run

    @Test func `another run waits for what was started, and stops what was to be stopped`() {
        var first = FleetHarness(FleetHarness.policy(most: 2))
        first.grow(to: 1)
        first.slotsWanted = 2
        #expect(first.look() == [.start(name: "auto-2")])
        // Killed while the command runs.
        var second = FleetHarness(FleetHarness.policy(most: 2), continuing: first.state)
        second.workers = first.workers
        second.slotsWanted = 2
        #expect(second.look(after: .seconds(10)).isEmpty, "both are there already")
        #expect(second.look(after: .seconds(580)).isEmpty)
        #expect(second.look(after: .seconds(10)) == [Self.stop("auto-2", .neverRegistered)])
        var third = FleetHarness(FleetHarness.policy(most: 2), continuing: second.state)
        third.workers = first.workers
        #expect(third.look() == [Self.stop("auto-2", .neverRegistered)])
    }

    @Test func `without its state, a run finds its workers by their names`() {
        var harness = FleetHarness(FleetHarness.policy(most: 2))
        harness.register("auto-7")
        harness.register("automatic")
        harness.slotsWanted = 3
        #expect(harness.look() == [.start(name: "auto-1")], "auto-7 is its own, and the other one is there, too")
        #expect(harness.news.contains { $0.code == .found && $0.description.contains("auto-7") })
    }

    @Test func `another run keeps the pause after starts that failed, less the time between the runs`() {
        var first = FleetHarness(FleetHarness.policy())
        first.slotsWanted = 1
        for name in ["auto-1", "auto-2", "auto-3"] {
            while first.look(after: .seconds(1)) != [.start(name: name)] {}
            #expect(first.startEnded(name, .failed("ended with status 1")).isEmpty)
        }
        // Twenty seconds after the third failure.
        var second = FleetHarness(FleetHarness.policy(), continuing: first.state.aged(by: .seconds(5)))
        second.slotsWanted = 1
        #expect(second.look().isEmpty)
        #expect(second.look(after: .seconds(14)).isEmpty)
        #expect(second.news.map(\.code) == [.startFailed], "said once")
        #expect(second.news[0].description.contains("in 15 s (3 in a row"), "\(second.news[0])")
        #expect(second.look(after: .seconds(1)) == [.start(name: "auto-1")])
        _ = second.startEnded("auto-1", .failed("ended with status 1"))
        #expect(second.look(after: .seconds(39)).isEmpty, "the fourth failure in a row, not the first")

        var later = FleetHarness(FleetHarness.policy(), continuing: first.state.aged(by: .seconds(20)))
        later.slotsWanted = 1
        #expect(later.look() == [.start(name: "auto-1")])
    }

    @Test func `time between two runs counts`() {
        var first = FleetHarness(FleetHarness.policy(most: 2))
        first.slotsWanted = 1
        _ = first.look()
        var second = FleetHarness(FleetHarness.policy(most: 2), continuing: first.state.aged(by: .seconds(600)))
        #expect(second.look() == [Self.stop("auto-1", .neverRegistered)])
    }
}
