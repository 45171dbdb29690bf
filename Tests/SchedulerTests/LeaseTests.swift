import JobModel
import Testing

@testable import Scheduler

@Suite struct LeaseTests {
    @Test func `heartbeats keep a lease alive for as long as the work takes`() throws {
        let play = try Rehearsal()
        let worker = try play.connect()
        let job = try play.submit()
        let lease = play.leases(of: worker)
        play.wait(.seconds(600))
        #expect(play.leases(of: worker) == lease)
        #expect(play.declaredDead.isEmpty)
        try play.finishNext(on: worker)
        #expect(play.state(job) == .done)
    }

    @Test func `a closed connection returns the leases at once, to the front`() throws {
        let play = try Rehearsal()
        let first = try play.connect("first")
        try play.submit(images: 5)
        #expect(play.images(of: first) == [0, 1])
        play.disconnect(first)
        let second = try play.connect("second", slots: 2)
        #expect(play.images(of: second) == [0, 1, 2, 3])
        #expect(play.leases(of: second)[0].attempt == 2)
    }

    @Test func `a silent worker is suspect after 2 seconds and dead after 3`() throws {
        let play = try Rehearsal()
        let silent = try play.connect("silent")
        try play.submit(images: 1)
        let lease = play.leases(of: silent)
        play.wait(.milliseconds(1_900), silent: [silent])
        #expect(play.status(silent)?.state == .alive)
        play.wait(.milliseconds(200), silent: [silent])
        #expect(play.status(silent)?.state == .suspect)

        try play.submit(images: 1)
        #expect(play.leases(of: silent) == lease, "a suspect gets no new leases")
        let other = try play.connect("other")
        play.wait(.milliseconds(800), silent: [silent])
        #expect(play.declaredDead.isEmpty)
        play.wait(.milliseconds(200), silent: [silent])
        #expect(play.declaredDead == [silent])
        #expect(play.status(silent)?.state == .gone)
        #expect(play.leases(of: other).map(\.description) == ["2.0/whole#1", "1.0/whole#2"])
    }

    @Test func `a suspect that is heard again goes on as before`() throws {
        let play = try Rehearsal()
        let worker = try play.connect(slots: 2)
        try play.submit(images: 1)
        play.wait(.milliseconds(2_500), silent: [worker])
        #expect(play.status(worker)?.state == .suspect)
        try play.submit(images: 1)
        play.beat(worker)
        #expect(play.status(worker)?.state == .alive)
        #expect(play.leases(of: worker).map(\.description) == ["1.0/whole#1", "2.0/whole#1"])
    }

    @Test func `what a dead worker still says is answered by dropping its leases`() throws {
        let play = try Rehearsal()
        let worker = try play.connect()
        try play.submit()
        let lease = play.leases(of: worker)[0]
        play.wait(.seconds(4), silent: [worker])
        let dropped = play.perform {
            $0.workerHeartbeat(worker, held: [HeldLease(lease)], residentBytes: 0, at: $1, into: &$2)
        }
        #expect(dropped == [lease])
    }

    @Test func `a lease that the worker does not list is requeued, but not while the grant may be under way`() throws {
        let play = try Rehearsal()
        let worker = try play.connect()
        let job = try play.submit()
        let lease = play.leases(of: worker)[0]
        play.unlisted = [lease]
        play.wait(.milliseconds(1_500))
        #expect(play.leases(of: worker) == [lease])
        play.wait(.seconds(1))
        #expect(play.summary(job)?.counts.attemptsLost == 1)
        #expect(
            play.journal.contains { record in
                if case .attemptEnded(lease, worker, let failure) = record {
                    failure.cause == .workerLost
                } else {
                    false
                }
            })
    }

    @Test func `a lease that the worker lists but does not own is dropped`() throws {
        let play = try Rehearsal()
        let first = try play.connect("first")
        let second = try play.connect("second")
        try play.submit()
        let lease = play.leases(of: first)[0]
        let dropped = play.perform {
            $0.workerHeartbeat(second, held: [HeldLease(lease)], residentBytes: 0, at: $1, into: &$2)
        }
        #expect(dropped == [lease])
        #expect(play.leases(of: first) == [lease])
    }

    @Test func `a worker that comes back keeps what nobody else was given`() throws {
        let play = try Rehearsal()
        let worker = try play.connect(slots: 2)
        let job = try play.submit(images: 2)
        let leases = play.leases(of: worker)
        play.disconnect(worker)
        let again = try play.connect(slots: 2, as: worker, holding: leases)
        #expect(again == worker)
        #expect(play.dropped.isEmpty)
        #expect(play.leases(of: worker) == leases, "the same attempts go on")
        play.workOff(on: [worker])
        #expect(play.state(job) == .done)
    }

    @Test func `an attempt is taken up again only by the worker that lost it`() throws {
        let play = try Rehearsal()
        let first = try play.connect("first")
        try play.submit()
        let lease = play.leases(of: first)[0]
        play.disconnect(first)
        let liar = try play.connect("liar", as: nil, holding: [lease])
        #expect(play.dropped == [lease])
        #expect(play.leases(of: liar) == [LeaseID(task: lease.task, attempt: lease.attempt + 1)], "its own attempt")
    }

    @Test func `what a worker says of another's lease does not end that`() throws {
        let play = try Rehearsal()
        let first = try play.connect("first")
        let second = try play.connect("second")
        try play.submit()
        let lease = play.leases(of: first)[0]
        play.perform { $0.taskFinished(lease, by: second, output: TaskOutput(), at: $1, into: &$2) }
        #expect(play.latest.records.isEmpty)
        #expect(play.leases(of: first) == [lease])
        play.perform { $0.taskFinished(lease, by: first, output: TaskOutput(), at: $1, into: &$2) }
        #expect(play.latest.records.count > 0, "its own nonsense ends the attempt")
    }

    @Test func `a worker that comes back loses what others were given or have done`() throws {
        let play = try Rehearsal()
        let first = try play.connect("first", slots: 3)
        let job = try play.submit(images: 3)
        let leases = play.leases(of: first)
        play.disconnect(first)
        let second = try play.connect("second")
        #expect(play.images(of: second) == [0, 1])
        try play.finishNext(on: second)
        #expect(play.images(of: second) == [1, 2])
        play.finish(play.leases(of: second)[0], on: second)
        play.giveBack(play.leases(of: second)[0], on: second)
        try play.connect("first", slots: 3, as: first, holding: leases)
        #expect(play.dropped == leases)
        play.wait(.seconds(1))
        play.workOff(on: [first, second])
        #expect(play.state(job) == .done)
    }

    @Test func `a worker that reconnects before its old connection closed loses only what it does not list`() throws {
        let play = try Rehearsal()
        let worker = try play.connect(slots: 2)
        let job = try play.submit(images: 2)
        let leases = play.leases(of: worker)
        try play.connect(slots: 2, as: worker, holding: [leases[1]])
        #expect(play.leases(of: worker).map(\.description) == ["1.1/whole#1", "1.0/whole#2"])
        #expect(play.summary(job)?.counts.attemptsLost == 1)
    }

    @Test func `a worker whose identifier is not known gets another`() throws {
        let play = try Rehearsal()
        try play.submit()
        let stranger = LeaseID(task: TaskID(image: ImageID(job: JobID(9), index: 0), step: .whole), attempt: 1)
        let reply = try play.perform { scheduler, now, decision throws(SchedulerRefusal) in
            try scheduler.workerRegistered(
                WorkerRegistration(worker: WorkerID(77), name: "w", slotCount: 1, held: [HeldLease(stranger)]),
                at: now, into: &decision)
        }
        #expect(reply.worker == WorkerID(1))
        #expect(reply.dropped == [stranger])
    }

    @Test func `a result counts whoever computed it, once`() throws {
        let play = try Rehearsal()
        let slow = try play.connect("slow")
        let job = try play.submit(images: 1)
        let first = play.leases(of: slow)[0]
        play.wait(.seconds(4), silent: [slow])
        let fast = try play.connect("fast")
        let second = play.leases(of: fast)[0]
        #expect(second.attempt == 2)

        play.finish(first, on: slow)
        #expect(play.state(job) == .done, "the first result is that of the attempt that was given up")
        #expect(play.revoked[second] == .taskDone)
        play.finish(second, on: fast)
        #expect(play.counters.lateResults == 1)
        #expect(play.journal.filter { $0.kind == .taskCompleted }.count == 1)
        #expect(play.counters.leasesRunning == 0)
    }

    @Test func `a result of a task that waits for its next attempt ends the waiting`() throws {
        let play = try Rehearsal()
        let worker = try play.connect()
        let job = try play.submit()
        let lease = play.leases(of: worker)[0]
        play.disconnect(worker)
        #expect(play.counters.tasksReady == 1)
        play.finish(lease, on: worker)
        #expect(play.state(job) == .done)
        #expect(play.counters.tasksReady == 0)
        let other = try play.connect()
        #expect(play.leases(of: other).isEmpty)
    }

    @Test func `an attempt without progress is taken back as hung`() throws {
        var configuration = SchedulerConfiguration()
        configuration.progressTimeout = .seconds(20)
        let play = try Rehearsal(configuration)
        let worker = try play.connect()
        let job = try play.submit(images: 1)
        let lease = play.leases(of: worker)[0]
        play.wait(.seconds(60), progressing: true)
        #expect(play.revoked[lease] == nil)
        play.wait(.seconds(30), progressing: false)
        #expect(play.revoked[lease] == .expired)
        #expect(play.summary(job)?.counts.attemptsFailed == 1)
    }

    @Test func `when the master itself stood still, nobody is declared dead`() throws {
        let play = try Rehearsal()
        let worker = try play.connect()
        let job = try play.submit()
        play.wait(.seconds(5))
        play.freeze(.seconds(600))
        play.perform { $0.timePassed(at: $1, into: &$2) }
        play.wait(.seconds(5))
        #expect(play.declaredDead.isEmpty)
        #expect(play.counters.ownStalls == 1)
        try play.finishNext(on: worker)
        #expect(play.state(job) == .done)
        play.wait(.seconds(5), silent: [worker])
        #expect(play.declaredDead == [worker], "silence counts again afterwards")
    }

    @Test func `what arrived while the master stood still is read before a suspect is declared dead`() throws {
        let play = try Rehearsal()
        let worker = try play.connect()
        play.wait(.milliseconds(2_500), silent: [worker])
        #expect(play.status(worker)?.state == .suspect)
        play.freeze(.seconds(10))
        play.perform { $0.timePassed(at: $1, into: &$2) }
        #expect(play.declaredDead.isEmpty)
        play.beat(worker)
        #expect(play.status(worker)?.state == .alive)
    }

    @Test func `the master may have been awake until shortly before the deadline`() throws {
        let play = try Rehearsal()
        let (silent, other) = (try play.connect(), try play.connect("other"))
        play.wait(.milliseconds(2_900), silent: [silent])
        play.beat(other)
        play.freeze(.seconds(5))
        play.perform { $0.timePassed(at: $1, into: &$2) }
        #expect(play.declaredDead.isEmpty, "what came in the five seconds has not been read yet")
        play.beat(silent)
        play.wait(.seconds(1))
        #expect(play.declaredDead.isEmpty)
        #expect(play.status(silent)?.state == .alive)
        play.wait(.seconds(4), silent: [silent])
        #expect(play.declaredDead == [silent])
    }

    @Test func `a master that is late every time finds the dead, too`() throws {
        let play = try Rehearsal()
        let worker = try play.connect()
        for _ in 0..<6 {
            play.freeze(.seconds(10))
            play.perform { $0.timePassed(at: $1, into: &$2) }
        }
        #expect(play.declaredDead == [worker])
    }

    @Test func `a registration outside the limits is refused`() throws {
        var configuration = SchedulerConfiguration()
        configuration.maximumWorkers = 1
        let play = try Rehearsal(configuration)
        #expect(throws: SchedulerRefusal.self) { try play.connect(slots: 0) }
        #expect(throws: SchedulerRefusal.self) { try play.connect(slots: 5_000) }
        let worker = try play.connect()
        #expect(
            throws: SchedulerRefusal.overloaded(
                Overload(
                    what: "workers", need: 1, have: 1, limit: 1, setting: "max-workers",
                    retryAfter: .milliseconds(250)))
        ) { try play.connect("another") }
        play.disconnect(worker)
        try play.connect("another")
    }

    @Test func `workers that are gone are listed for a while, within a limit`() throws {
        var configuration = SchedulerConfiguration()
        configuration.maximumGoneWorkers = 3
        let play = try Rehearsal(configuration)
        for _ in 0..<20 { play.disconnect(try play.connect()) }
        let listed = play.scheduler.workers(at: play.moment).map(\.id)
        #expect(listed.count <= 6)
        #expect(listed.last == WorkerID(20))
    }
}
