import JobModel
import Testing

@testable import Scheduler

@Suite struct PlacementTests {
    @Test func `free slots are filled first, on the least loaded worker, then one more a slot`() throws {
        let play = try Rehearsal()
        let workers = [try play.connect("a", slots: 2), try play.connect("b", slots: 2)]
        try play.submit(images: 2)
        #expect(workers.map { play.leases(of: $0).count } == [1, 1])
        try play.submit(images: 3)
        #expect(workers.map { play.leases(of: $0).count } == [3, 2])
        try play.submit(images: 10)
        #expect(workers.map { play.leases(of: $0).count } == [4, 4])
        #expect(play.counters.tasksReady == 7)
    }

    @Test func `an idle slot takes over a lease that waits in a busy worker`() throws {
        let play = try Rehearsal()
        let busy = try play.connect("busy")
        let job = try play.submit(images: 2)
        #expect(play.images(of: busy) == [0, 1])
        let staged = play.leases(of: busy)[1]
        let idle = try play.connect("idle")
        #expect(play.images(of: busy) == [0])
        #expect(play.revoked[staged] == .movedToIdleWorker)
        #expect(play.leases(of: idle).map(\.description) == ["1.1/whole#2"])
        #expect(play.counters.leasesMoved == 1)
        play.workOff(on: [busy, idle])
        #expect(play.state(job) == .done)
        #expect(play.summary(job)?.counts.attemptsLost == 0, "moving costs the task nothing")
    }

    @Test func `a lease that the worker has started is not taken over`() throws {
        let play = try Rehearsal()
        let busy = try play.connect("busy")
        try play.submit(images: 2)
        let list = play.leases(of: busy).map { HeldLease($0, isStarted: true) }
        _ = play.perform { $0.workerHeartbeat(busy, held: list, residentBytes: 0, at: $1, into: &$2) }
        let idle = try play.connect("idle")
        #expect(play.images(of: busy) == [0, 1])
        #expect(play.leases(of: idle).isEmpty)
    }

    @Test func `a straggler gets one backup on an idle worker, and the first result wins`() throws {
        let play = try Rehearsal()
        let slow = try play.connect("slow")
        let fast = try play.connect("fast")
        let job = try play.submit(images: 4)
        let straggler = play.leases(of: slow)[0]
        for _ in 0..<10 {
            play.wait(.milliseconds(200))
            for lease in play.leases(of: fast) where lease.task != straggler.task { play.finish(lease, on: fast) }
        }
        #expect(play.summary(job)?.counts.imagesDone == 3)
        #expect(play.leases(of: fast).isEmpty, "it is not yet 2 seconds old")
        play.wait(.seconds(1))
        let backup = try #require(play.leases(of: fast).first)
        #expect(backup.task == straggler.task && backup.attempt == straggler.attempt + 1)
        play.wait(.seconds(10))
        #expect(play.counters.backupsGranted == 1, "one backup, not more")

        play.finish(backup, on: fast)
        #expect(play.state(job) == .done)
        #expect(play.revoked[straggler] == .taskDone)
        play.finish(straggler, on: slow)
        #expect(play.counters.lateResults == 1)
    }

    @Test func `a backup that fails leaves the first attempt alone`() throws {
        let play = try Rehearsal()
        let slow = try play.connect("slow")
        let fast = try play.connect("fast")
        let job = try play.submit(images: 2)
        let straggler = play.leases(of: slow)[0]
        try play.finishNext(on: fast)
        play.wait(.seconds(4))
        let backup = try #require(play.leases(of: fast).first)
        play.fail(backup, on: fast, .rankLost)
        #expect(play.counters.tasksReady == 0)
        #expect(play.leases(of: slow) == [straggler])
        play.disconnect(slow)
        play.wait(.seconds(2))
        #expect(play.leases(of: fast).map(\.attempt) == [3])
        play.workOff(on: [fast])
        #expect(play.state(job) == .done)
    }

    @Test func `a task that takes as long as its like has no backup`() throws {
        let play = try Rehearsal()
        let workers = [try play.connect(), try play.connect()]
        try play.submit(images: 3)
        for worker in workers {
            play.wait(.seconds(5))
            try play.finishNext(on: worker)
        }
        play.wait(.seconds(6))
        #expect(play.counters.backupsGranted == 0)
    }

    @Test func `a draining worker gets no leases, and hands back what it holds`() throws {
        let play = try Rehearsal()
        let worker = try play.connect("leaving", slots: 2)
        let job = try play.submit(images: 2)
        play.perform { $0.workerDraining(worker, on: true, at: $1, into: &$2) }
        #expect(play.status(worker)?.state == .draining)
        let (kept, returned) = (play.leases(of: worker)[0], play.leases(of: worker)[1])
        play.giveBack(returned, on: worker)
        #expect(play.leases(of: worker) == [kept])
        let other = try play.connect("staying")
        #expect(play.leases(of: other).map(\.task) == [returned.task])

        play.beat(worker)
        #expect(play.status(worker)?.state == .draining)
        play.perform { $0.workerDraining(worker, on: false, at: $1, into: &$2) }
        try play.submit(images: 4)
        #expect(play.leases(of: worker).count > 1)
        play.workOff(on: [worker, other])
        #expect(play.state(job) == .done)
    }

    @Test func `a worker that registers as draining is given nothing`() throws {
        let play = try Rehearsal()
        try play.submit(images: 2)
        let worker = try play.connect(isDraining: true)
        #expect(play.leases(of: worker).isEmpty)
    }
}
