import JobModel
import Testing

@testable import Scheduler

@Suite struct PlacementTests {
    @Test func `free slots are filled first, on the least loaded worker, then one more per slot`() throws {
        let harness = try SchedulerHarness()
        let workers = [try harness.connect("a", slots: 2), try harness.connect("b", slots: 2)]
        try harness.submit(images: 2)
        #expect(workers.map { harness.leases(of: $0).count } == [1, 1])
        try harness.submit(images: 3)
        #expect(workers.map { harness.leases(of: $0).count } == [3, 2])
        try harness.submit(images: 10)
        #expect(workers.map { harness.leases(of: $0).count } == [4, 4])
        #expect(harness.counters.tasksReady == 7)
    }

    @Test func `an idle slot takes over a lease that waits in a busy worker`() throws {
        let harness = try SchedulerHarness()
        let busy = try harness.connect("busy")
        let job = try harness.submit(images: 2)
        #expect(harness.images(of: busy) == [0, 1])
        let staged = harness.leases(of: busy)[1]
        let idle = try harness.connect("idle")
        #expect(harness.images(of: busy) == [0])
        #expect(harness.revoked[staged] == .movedToIdleWorker)
        #expect(harness.leases(of: idle).map(\.description) == ["1.1/whole#2"])
        #expect(harness.counters.leasesMoved == 1)
        harness.workOff(on: [busy, idle])
        #expect(harness.state(job) == .done)
        #expect(harness.summary(job)?.counts.attemptsLost == 0, "moving costs the task nothing")
    }

    @Test func `a lease that the worker has started is not taken over`() throws {
        let harness = try SchedulerHarness()
        let busy = try harness.connect("busy")
        try harness.submit(images: 2)
        let list = harness.leases(of: busy).map { HeldLease($0, isStarted: true) }
        _ = harness.perform { $0.workerHeartbeat(busy, held: list, residentBytes: 0, at: $1, into: &$2) }
        let idle = try harness.connect("idle")
        #expect(harness.images(of: busy) == [0, 1])
        #expect(harness.leases(of: idle).isEmpty)
    }

    @Test func `a straggler gets one backup on an idle worker, and the first result wins`() throws {
        let harness = try SchedulerHarness()
        let slow = try harness.connect("slow")
        let fast = try harness.connect("fast")
        let job = try harness.submit(images: 4)
        let straggler = harness.leases(of: slow)[0]
        for _ in 0..<10 {
            harness.wait(.milliseconds(200))
            for lease in harness.leases(of: fast) where lease.task != straggler.task { harness.finish(lease, on: fast) }
        }
        #expect(harness.summary(job)?.counts.imagesDone == 3)
        #expect(harness.leases(of: fast).isEmpty, "it is not yet 2 seconds old")
        harness.wait(.seconds(1))
        let backup = try #require(harness.leases(of: fast).first)
        #expect(backup.task == straggler.task && backup.attempt == straggler.attempt + 1)
        harness.wait(.seconds(10))
        #expect(harness.counters.backupsGranted == 1, "one backup, not more")

        harness.finish(backup, on: fast)
        #expect(harness.state(job) == .done)
        #expect(harness.revoked[straggler] == .taskDone)
        harness.finish(straggler, on: slow)
        #expect(harness.counters.lateResults == 1)
    }

    @Test func `a backup that fails leaves the first attempt alone`() throws {
        let harness = try SchedulerHarness()
        let slow = try harness.connect("slow")
        let fast = try harness.connect("fast")
        let job = try harness.submit(images: 2)
        let straggler = harness.leases(of: slow)[0]
        try harness.finishNext(on: fast)
        harness.wait(.seconds(4))
        let backup = try #require(harness.leases(of: fast).first)
        harness.fail(backup, on: fast, .rankLost)
        #expect(harness.counters.tasksReady == 0)
        #expect(harness.leases(of: slow) == [straggler])
        harness.disconnect(slow)
        harness.wait(.seconds(2))
        #expect(harness.leases(of: fast).map(\.attempt) == [3])
        harness.workOff(on: [fast])
        #expect(harness.state(job) == .done)
    }

    @Test func `a task that takes as long as its like has no backup`() throws {
        let harness = try SchedulerHarness()
        let workers = [try harness.connect(), try harness.connect()]
        try harness.submit(images: 3)
        for worker in workers {
            harness.wait(.seconds(5))
            try harness.finishNext(on: worker)
        }
        harness.wait(.seconds(6))
        #expect(harness.counters.backupsGranted == 0)
    }

    @Test func `a draining worker gets no leases, and hands back what it holds`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect("leaving", slots: 2)
        let job = try harness.submit(images: 2)
        harness.perform { $0.workerDraining(worker, on: true, at: $1, into: &$2) }
        #expect(harness.status(worker)?.state == .draining)
        let (kept, returned) = (harness.leases(of: worker)[0], harness.leases(of: worker)[1])
        harness.giveBack(returned, on: worker)
        #expect(harness.leases(of: worker) == [kept])
        let other = try harness.connect("staying")
        #expect(harness.leases(of: other).map(\.task) == [returned.task])

        harness.beat(worker)
        #expect(harness.status(worker)?.state == .draining)
        harness.perform { $0.workerDraining(worker, on: false, at: $1, into: &$2) }
        try harness.submit(images: 4)
        #expect(harness.leases(of: worker).count > 1)
        harness.workOff(on: [worker, other])
        #expect(harness.state(job) == .done)
    }

    @Test func `a worker that registers as draining is given nothing`() throws {
        let harness = try SchedulerHarness()
        try harness.submit(images: 2)
        let worker = try harness.connect(isDraining: true)
        #expect(harness.leases(of: worker).isEmpty)
    }

    @Test func `a worker that says that it cannot run tasks gets none while it says so`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect(slots: 2)
        harness.beat(worker, unready: "no scratch directory")
        let job = try harness.submit(images: 2)
        #expect(harness.leases(of: worker).isEmpty)
        #expect(harness.status(worker)?.state == .notReady)
        #expect(harness.status(worker)?.unreadyReason == "no scratch directory")
        #expect(harness.counters.workersUnready == 1 && harness.counters.workersTaking == 0)
        harness.beat(worker)
        #expect(harness.status(worker)?.state == .alive)
        #expect(harness.leases(of: worker).count == 2)

        // A registration says it too, and says when it is over.
        harness.disconnect(worker)
        try harness.connect(slots: 2, as: worker, unready: "still none")
        #expect(harness.leases(of: worker).isEmpty)
        harness.disconnect(worker)
        try harness.connect(slots: 2, as: worker)
        harness.workOff(on: [worker])
        #expect(harness.state(job) == .done)
    }

    @Test func `an operator's drain stays when the worker is able again`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect()
        harness.beat(worker, unready: "no world")
        harness.perform { $0.workerDraining(worker, on: true, at: $1, into: &$2) }
        harness.beat(worker)
        try harness.submit(images: 1)
        #expect(harness.status(worker)?.state == .draining)
        #expect(harness.leases(of: worker).isEmpty)
    }
}
