import JobModel
import Testing

@testable import Scheduler

@Suite struct LeaseTests {
    @Test func `heartbeats keep a lease alive for as long as the work takes`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect()
        let job = try harness.submit()
        let lease = harness.leases(of: worker)
        harness.wait(.seconds(600))
        #expect(harness.leases(of: worker) == lease)
        #expect(harness.declaredDead.isEmpty)
        try harness.finishNext(on: worker)
        #expect(harness.state(job) == .done)
    }

    @Test func `a closed connection returns the leases at once, to the front`() throws {
        let harness = try SchedulerHarness()
        let first = try harness.connect("first")
        try harness.submit(images: 5)
        #expect(harness.images(of: first) == [0, 1])
        harness.disconnect(first)
        let second = try harness.connect("second", slots: 2)
        #expect(harness.images(of: second) == [0, 1, 2, 3])
        #expect(harness.leases(of: second)[0].attempt == 2)
    }

    @Test func `a silent worker is suspect after 2 seconds and dead after 3`() throws {
        let harness = try SchedulerHarness()
        let silent = try harness.connect("silent")
        try harness.submit(images: 1)
        let lease = harness.leases(of: silent)
        harness.wait(.milliseconds(1_900), silent: [silent])
        #expect(harness.status(silent)?.state == .alive)
        harness.wait(.milliseconds(200), silent: [silent])
        #expect(harness.status(silent)?.state == .suspect)

        try harness.submit(images: 1)
        #expect(harness.leases(of: silent) == lease, "a suspect gets no new leases")
        let other = try harness.connect("other")
        harness.wait(.milliseconds(800), silent: [silent])
        #expect(harness.declaredDead.isEmpty)
        harness.wait(.milliseconds(200), silent: [silent])
        #expect(harness.declaredDead == [silent])
        #expect(harness.status(silent)?.state == .gone)
        #expect(harness.leases(of: other).map(\.description) == ["2.0/whole#1", "1.0/whole#2"])
    }

    @Test func `a suspect that is heard again continues as before`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect(slots: 2)
        try harness.submit(images: 1)
        harness.wait(.milliseconds(2_500), silent: [worker])
        #expect(harness.status(worker)?.state == .suspect)
        try harness.submit(images: 1)
        harness.beat(worker)
        #expect(harness.status(worker)?.state == .alive)
        #expect(harness.leases(of: worker).map(\.description) == ["1.0/whole#1", "2.0/whole#1"])
    }

    @Test func `what a dead worker still says is answered by dropping its leases`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect()
        try harness.submit()
        let lease = harness.leases(of: worker)[0]
        harness.wait(.seconds(4), silent: [worker])
        let dropped = harness.perform {
            $0.workerHeartbeat(worker, held: [HeldLease(lease)], residentBytes: 0, at: $1, into: &$2)
        }
        #expect(dropped == [lease])
    }

    @Test func `a lease that the worker does not list is requeued, but not while the grant may be under way`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect()
        let job = try harness.submit()
        let lease = harness.leases(of: worker)[0]
        harness.unlisted = [lease]
        harness.wait(.milliseconds(1_500))
        #expect(harness.leases(of: worker) == [lease])
        harness.wait(.seconds(1))
        #expect(harness.summary(job)?.counts.attemptsLost == 1)
        #expect(
            harness.journal.contains { record in
                if case .attemptEnded(lease, worker, let failure) = record {
                    failure.cause == .workerLost
                } else {
                    false
                }
            })
    }

    @Test func `a lease that the worker lists but does not own is dropped`() throws {
        let harness = try SchedulerHarness()
        let first = try harness.connect("first")
        let second = try harness.connect("second")
        try harness.submit()
        let lease = harness.leases(of: first)[0]
        let dropped = harness.perform {
            $0.workerHeartbeat(second, held: [HeldLease(lease)], residentBytes: 0, at: $1, into: &$2)
        }
        #expect(dropped == [lease])
        #expect(harness.leases(of: first) == [lease])
    }

    @Test func `a worker that comes back keeps what nobody else was given`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect(slots: 2)
        let job = try harness.submit(images: 2)
        let leases = harness.leases(of: worker)
        harness.disconnect(worker)
        let again = try harness.connect(slots: 2, as: worker, holding: leases)
        #expect(again == worker)
        #expect(harness.dropped.isEmpty)
        #expect(harness.leases(of: worker) == leases, "the same attempts continue")
        harness.workOff(on: [worker])
        #expect(harness.state(job) == .done)
    }

    @Test func `an attempt is reclaimed only by the worker that lost it`() throws {
        let harness = try SchedulerHarness()
        let first = try harness.connect("first")
        try harness.submit()
        let lease = harness.leases(of: first)[0]
        harness.disconnect(first)
        let liar = try harness.connect("liar", as: nil, holding: [lease])
        #expect(harness.dropped == [lease])
        #expect(harness.leases(of: liar) == [LeaseID(task: lease.task, attempt: lease.attempt + 1)], "its own attempt")
    }

    @Test func `what a worker says of another's lease does not end that`() throws {
        let harness = try SchedulerHarness()
        let first = try harness.connect("first")
        let second = try harness.connect("second")
        try harness.submit()
        let lease = harness.leases(of: first)[0]
        harness.perform { $0.taskFinished(lease, by: second, output: TaskOutput(), at: $1, into: &$2) }
        #expect(harness.latest.records.isEmpty)
        #expect(harness.leases(of: first) == [lease])
        harness.perform { $0.taskFinished(lease, by: first, output: TaskOutput(), at: $1, into: &$2) }
        #expect(harness.latest.records.count > 0, "its own nonsense ends the attempt")
    }

    @Test func `a worker that comes back loses what others were given or have done`() throws {
        let harness = try SchedulerHarness()
        let first = try harness.connect("first", slots: 3)
        let job = try harness.submit(images: 3)
        let leases = harness.leases(of: first)
        harness.disconnect(first)
        let second = try harness.connect("second")
        #expect(harness.images(of: second) == [0, 1])
        try harness.finishNext(on: second)
        #expect(harness.images(of: second) == [1, 2])
        harness.finish(harness.leases(of: second)[0], on: second)
        harness.giveBack(harness.leases(of: second)[0], on: second)
        try harness.connect("first", slots: 3, as: first, holding: leases)
        #expect(harness.dropped == leases)
        harness.wait(.seconds(1))
        harness.workOff(on: [first, second])
        #expect(harness.state(job) == .done)
    }

    @Test func `a worker that reconnects before its old connection closed loses only what it does not list`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect(slots: 2)
        let job = try harness.submit(images: 2)
        let leases = harness.leases(of: worker)
        try harness.connect(slots: 2, as: worker, holding: [leases[1]])
        #expect(harness.leases(of: worker).map(\.description) == ["1.1/whole#1", "1.0/whole#2"])
        #expect(harness.summary(job)?.counts.attemptsLost == 1)
    }

    @Test func `a worker whose identifier is not known gets another`() throws {
        let harness = try SchedulerHarness()
        try harness.submit()
        let stranger = LeaseID(task: TaskID(image: ImageID(job: JobID(9), index: 0), step: .whole), attempt: 1)
        let reply = try harness.perform { scheduler, now, decision throws(SchedulerRefusal) in
            try scheduler.workerRegistered(
                WorkerRegistration(worker: WorkerID(77), name: "w", slotCount: 1, held: [HeldLease(stranger)]),
                at: now, into: &decision)
        }
        #expect(reply.worker == WorkerID(1))
        #expect(reply.dropped == [stranger])
    }

    @Test func `a result counts once, from any worker`() throws {
        let harness = try SchedulerHarness()
        let slow = try harness.connect("slow")
        let job = try harness.submit(images: 1)
        let first = harness.leases(of: slow)[0]
        harness.wait(.seconds(4), silent: [slow])
        let fast = try harness.connect("fast")
        let second = harness.leases(of: fast)[0]
        #expect(second.attempt == 2)

        harness.finish(first, on: slow)
        #expect(harness.state(job) == .done, "the first result is that of the attempt that was given up")
        #expect(harness.revoked[second] == .taskDone)
        harness.finish(second, on: fast)
        #expect(harness.counters.lateResults == 1)
        #expect(harness.journal.filter { $0.kind == .taskCompleted }.count == 1)
        #expect(harness.counters.leasesRunning == 0)
    }

    @Test func `a result of a task that waits for its next attempt ends the waiting`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect()
        let job = try harness.submit()
        let lease = harness.leases(of: worker)[0]
        harness.disconnect(worker)
        #expect(harness.counters.tasksReady == 1)
        harness.finish(lease, on: worker)
        #expect(harness.state(job) == .done)
        #expect(harness.counters.tasksReady == 0)
        let other = try harness.connect()
        #expect(harness.leases(of: other).isEmpty)
    }

    @Test func `an attempt without progress is taken back as hung`() throws {
        var configuration = SchedulerConfiguration()
        configuration.progressTimeout = .seconds(20)
        let harness = try SchedulerHarness(configuration)
        let worker = try harness.connect()
        let job = try harness.submit(images: 1)
        let lease = harness.leases(of: worker)[0]
        harness.wait(.seconds(60), progressing: true)
        #expect(harness.revoked[lease] == nil)
        harness.wait(.seconds(30), progressing: false)
        #expect(harness.revoked[lease] == .expired)
        #expect(harness.summary(job)?.counts.attemptsFailed == 1)
    }

    @Test func `when the master itself was stalled, no worker is declared dead`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect()
        let job = try harness.submit()
        harness.wait(.seconds(5))
        harness.freeze(.seconds(600))
        harness.perform { $0.timePassed(at: $1, into: &$2) }
        harness.wait(.seconds(5))
        #expect(harness.declaredDead.isEmpty)
        #expect(harness.counters.ownStalls == 1)
        try harness.finishNext(on: worker)
        #expect(harness.state(job) == .done)
        harness.wait(.seconds(5), silent: [worker])
        #expect(harness.declaredDead == [worker], "silence counts again afterwards")
    }

    @Test func `messages that arrived during a stall of the master are read before a suspect is declared dead`() throws
    {
        let harness = try SchedulerHarness()
        let worker = try harness.connect()
        harness.wait(.milliseconds(2_500), silent: [worker])
        #expect(harness.status(worker)?.state == .suspect)
        harness.freeze(.seconds(10))
        harness.perform { $0.timePassed(at: $1, into: &$2) }
        #expect(harness.declaredDead.isEmpty)
        harness.beat(worker)
        #expect(harness.status(worker)?.state == .alive)
    }

    @Test func `the master may have been awake until shortly before the deadline`() throws {
        let harness = try SchedulerHarness()
        let (silent, other) = (try harness.connect(), try harness.connect("other"))
        harness.wait(.milliseconds(2_900), silent: [silent])
        harness.beat(other)
        harness.freeze(.seconds(5))
        harness.perform { $0.timePassed(at: $1, into: &$2) }
        #expect(harness.declaredDead.isEmpty, "what came in the five seconds has not been read yet")
        harness.beat(silent)
        harness.wait(.seconds(1))
        #expect(harness.declaredDead.isEmpty)
        #expect(harness.status(silent)?.state == .alive)
        harness.wait(.seconds(4), silent: [silent])
        #expect(harness.declaredDead == [silent])
    }

    @Test func `a master that is late every time finds the dead, too`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect()
        for _ in 0..<6 {
            harness.freeze(.seconds(10))
            harness.perform { $0.timePassed(at: $1, into: &$2) }
        }
        #expect(harness.declaredDead == [worker])
    }

    @Test func `a registration outside the limits is refused`() throws {
        var configuration = SchedulerConfiguration()
        configuration.maximumWorkers = 1
        let harness = try SchedulerHarness(configuration)
        #expect(throws: SchedulerRefusal.self) { try harness.connect(slots: 0) }
        #expect(throws: SchedulerRefusal.self) { try harness.connect(slots: 5_000) }
        let worker = try harness.connect()
        #expect(
            throws: SchedulerRefusal.overloaded(
                Overload(
                    what: "workers", need: 1, have: 1, limit: 1, setting: "max-workers",
                    retryAfter: .milliseconds(250)))
        ) { try harness.connect("another") }
        harness.disconnect(worker)
        try harness.connect("another")
    }

    @Test func `workers that are gone are listed for a while, within a limit`() throws {
        var configuration = SchedulerConfiguration()
        configuration.maximumGoneWorkers = 3
        let harness = try SchedulerHarness(configuration)
        for _ in 0..<20 { harness.disconnect(try harness.connect()) }
        let listed = harness.scheduler.workers(at: harness.moment).map(\.id)
        #expect(listed.count <= 6)
        #expect(listed.last == WorkerID(20))
    }
}
