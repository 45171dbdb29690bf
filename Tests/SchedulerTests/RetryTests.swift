import JobModel
import Testing

@testable import Scheduler

@Suite struct RetryTests {
    @Test(arguments: [FailureCause.corruptInput, .overLimit, .unsuitable])
    func `a failure that would come again ends the image at once, and only it`(cause: FailureCause) throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect(slots: 2)
        let job = try harness.submit(images: 3)
        let bad = harness.leases(of: worker)[0]
        harness.fail(bad, on: worker, cause, "row 7 is cut off")
        #expect(harness.image(job, 0)?.state == .failed)
        #expect(harness.image(job, 0)?.failure?.reason == "row 7 is cut off")
        harness.workOff(on: [worker])
        #expect(harness.state(job) == .partlyFailed)
        #expect(harness.summary(job)?.counts.imagesDone == 2)
        #expect(harness.journal.filter { $0.kind == .attemptStarted }.count == 3, "nothing was tried again")
    }

    @Test func `when an image fails, its other tasks are taken back and forgotten`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect(slots: 2)
        let job = try harness.submit("rows", rows: 40)
        harness.finish(harness.leases(of: worker)[0], on: worker)
        #expect(harness.counters.tasksReady == 6)
        let leases = harness.leases(of: worker)
        harness.fail(leases[0], on: worker, .unsuitable)
        #expect(leases.dropFirst().allSatisfy { harness.revoked[$0] == .imageFinal })
        #expect(harness.counters.tasksReady == 0)
        #expect(harness.state(job) == .failed)
        #expect(harness.deleted.contains(BlobReference.named("1.0.band-0").digest))
    }

    @Test(arguments: [FailureCause.rankLost, .hung, .workerError])
    func `a task that keeps failing is dead-lettered with its history`(cause: FailureCause) throws {
        let harness = try SchedulerHarness()
        let workers = [try harness.connect("a"), try harness.connect("b")]
        let job = try harness.submit(images: 2)
        let image = ImageID(job: job, index: 0)
        for attempt in 1...4 {
            let holder = try #require(
                workers.first { worker in harness.leases(of: worker).contains { $0.task.image == image } })
            let lease = try #require(harness.leases(of: holder).first { $0.task.image == image })
            #expect(lease.attempt == AttemptNumber(attempt))
            harness.fail(lease, on: holder, cause, "attempt \(attempt)")
            harness.wait(.seconds(10))
        }
        let dead = try #require(harness.dead(image))
        #expect(dead.attempts.map(\.failure.reason) == (1...4).map { "attempt \($0)" })
        #expect(dead.attempts.allSatisfy { $0.failure.outputTail == "tail" && $0.failure.cause == cause })
        #expect(Set(dead.attempts.map(\.worker)) == Set(workers))
        harness.workOff(on: workers)
        #expect(harness.state(job) == .partlyFailed)
    }

    @Test func `the pause before the next attempt doubles`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect()
        try harness.submit(maximumAttempts: 100)
        var pauses: [Duration] = []
        for _ in 0..<9 {
            harness.fail(try #require(harness.leases(of: worker).first), on: worker, .rankLost)
            let start = harness.now
            for _ in 0..<200 where harness.leases(of: worker).isEmpty { harness.wait(.milliseconds(250)) }
            pauses.append(harness.now - start)
        }
        #expect(pauses == [0.5, 1, 2, 4, 8, 16, 30, 30, 30].map { .seconds($0) })
    }

    @Test func `losing a worker counts apart from failing, with its own limit`() throws {
        var configuration = SchedulerConfiguration()
        configuration.maximumWorkerLosses = 6
        configuration.longestBackoff = .seconds(1)
        let harness = try SchedulerHarness(configuration)
        let job = try harness.submit(maximumAttempts: 2)
        for _ in 0..<5 {
            let worker = try harness.connect()
            harness.wait(.seconds(2))
            #expect(harness.leases(of: worker).count == 1)
            harness.disconnect(worker)
        }
        #expect(harness.image(job)?.state == .running)
        let worker = try harness.connect()
        harness.wait(.seconds(2))
        harness.fail(harness.leases(of: worker)[0], on: worker, .rankLost)
        #expect(harness.image(job)?.state == .running, "one failure of two, five losses of six")
        harness.wait(.seconds(2))
        harness.disconnect(worker)
        #expect(harness.image(job)?.state == .deadLettered)
        #expect(harness.summary(job)?.counts.attemptsLost == 7)
    }

    @Test func `a lease that a draining worker gives back costs the task nothing`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect()
        let job = try harness.submit(maximumAttempts: 1)
        for _ in 0..<10 {
            let lease = try #require(harness.leases(of: worker).first)
            harness.perform { $0.workerDraining(worker, on: true, at: $1, into: &$2) }
            harness.giveBack(lease, on: worker)
            harness.perform { $0.workerDraining(worker, on: false, at: $1, into: &$2) }
            harness.wait(.seconds(31))
        }
        #expect(harness.image(job)?.state == .running)
        try harness.finishNext(on: worker)
        #expect(harness.state(job) == .done)
        let counts = harness.summary(job)?.counts
        #expect(counts?.attemptsFailed == 0 && counts?.attemptsLost == 0)
    }

    @Test(arguments: [false, true])
    func `a task that is given back again and again waits longer and longer, and ends`(isDraining: Bool) throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect()
        let job = try harness.submit(maximumAttempts: 1)
        let start = harness.now
        var returnCount = 0
        var pauses: [Duration] = []
        while harness.image(job)?.state == .running, returnCount < 100 {
            if isDraining { harness.perform { $0.workerDraining(worker, on: true, at: $1, into: &$2) } }
            harness.giveBack(try #require(harness.leases(of: worker).first), on: worker)
            if isDraining { harness.perform { $0.workerDraining(worker, on: false, at: $1, into: &$2) } }
            returnCount += 1
            let began = harness.now
            while harness.leases(of: worker).isEmpty, harness.image(job)?.state == .running {
                harness.wait(.milliseconds(500))
            }
            pauses.append(harness.now - began)
        }
        #expect(harness.image(job)?.state == .deadLettered)
        #expect(harness.image(job)?.failure?.reason.contains("given back 17 times") == true)
        #expect(returnCount == 17, "16 cost nothing")
        #expect(pauses.first == (isDraining ? .zero : .milliseconds(500)))
        #expect(zip(pauses.dropLast(), pauses.dropLast().dropFirst()).allSatisfy { $0 <= $1 })
        #expect(pauses.max() == .seconds(30))
        #expect(harness.now - start > .seconds(200))
    }

    @Test func `a worker that gives back without draining gets nothing for a while, whatever the task`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect()
        try harness.submit(images: 40)
        var grantCount = 0
        for _ in 0..<60 {
            for lease in harness.leases(of: worker) {
                grantCount += 1
                harness.giveBack(lease, on: worker)
            }
            harness.wait(.seconds(1))
        }
        #expect(grantCount <= 16, "\(grantCount) leases in a minute to a worker that does nothing")
        // It works: its rest is over.
        harness.wait(.seconds(31))
        try harness.finishNext(on: worker)
        #expect(harness.leases(of: worker).count == 2)
        #expect(harness.status(worker)?.state == .alive)
    }

    @Test func `the next attempt goes to another worker, even to a busier one`() throws {
        let harness = try SchedulerHarness()
        let first = try harness.connect("first", slots: 2)
        try harness.submit(images: 1)
        let second = try harness.connect("second", slots: 1)
        try harness.submit(images: 1)
        harness.fail(harness.leases(of: first)[0], on: first, .rankLost)
        harness.wait(.milliseconds(600))
        #expect(harness.leases(of: second).map(\.description).contains("1.0/whole#2"))
    }

    @Test func `a task waits a while for another worker that is full, but not for ever`() throws {
        let harness = try SchedulerHarness()
        let first = try harness.connect("first", slots: 1)
        try harness.submit(images: 1)
        let second = try harness.connect("second", slots: 1)
        try harness.submit(images: 2)
        #expect(harness.leases(of: second).count == 1)
        harness.fail(harness.leases(of: first)[0], on: first, .rankLost)
        // Fill the second worker, so that only the first has room.
        try harness.submit(images: 60)
        let filler = harness.leases(of: first)
        for lease in filler { harness.finish(lease, on: first) }
        #expect(harness.leases(of: second).count == 2)
        harness.wait(.seconds(3))
        #expect(!harness.leases(of: first).contains { $0.task.image.job == JobID(1) })
        for _ in 0..<20 where !harness.leases(of: first).contains(where: { $0.task.image.job == JobID(1) }) {
            for lease in harness.leases(of: first) { harness.finish(lease, on: first) }
            harness.wait(.seconds(1))
        }
        #expect(harness.leases(of: first).contains { $0.task.image.job == JobID(1) })
    }

    @Test func `a task that failed on the only worker is tried there again`() throws {
        let harness = try SchedulerHarness()
        let only = try harness.connect()
        let job = try harness.submit()
        harness.fail(harness.leases(of: only)[0], on: only, .rankLost)
        harness.wait(.milliseconds(600))
        try harness.finishNext(on: only)
        #expect(harness.state(job) == .done)
    }

    @Test func `a dead letter can be redriven, though its job had ended`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect()
        let job = try harness.submit(images: 2, maximumAttempts: 1)
        harness.fail(harness.leases(of: worker)[0], on: worker, .rankLost)
        harness.workOff(on: [worker])
        #expect(harness.state(job) == .partlyFailed)
        #expect(harness.isNeeded(.named("1.0.input")), "the input is kept for a redrive")
        #expect(harness.counters.jobsOpen == 0)

        let count = try harness.perform { scheduler, now, decision throws(SchedulerRefusal) in
            try scheduler.deadRedriven(job: nil, index: nil, at: now, into: &decision)
        }
        #expect(count == 1)
        #expect(harness.state(job) == .running)
        #expect(harness.counters.jobsOpen == 1)
        #expect(harness.leases(of: worker).map(\.description) == ["1.0/whole#2"], "no attempt number is used twice")
        try harness.finishNext(on: worker)
        #expect(harness.state(job) == .done)
        #expect(harness.summary(job)?.counts.imagesFailed == 0)
    }

    @Test func `a dead letter that is purged is a plain failure`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect()
        let job = try harness.submit(images: 1, maximumAttempts: 1)
        harness.fail(harness.leases(of: worker)[0], on: worker, .rankLost, "broke")
        let image = ImageID(job: job, index: 0)
        #expect(harness.dead(image) != nil)
        func purge(_ index: UInt32) throws -> Int {
            try harness.perform { scheduler, now, decision throws(SchedulerRefusal) in
                try scheduler.deadPurged(job: job, index: index, at: now, into: &decision)
            }
        }
        #expect(throws: SchedulerRefusal.unknownImage(ImageID(job: job, index: 5))) { try purge(5) }
        #expect(try purge(0) == 1)
        #expect(throws: SchedulerRefusal.imageNotInState(image, is: .failed, needed: "dead-lettered")) {
            try purge(0)
        }
        #expect(harness.dead(image) == nil)
        #expect(harness.image(job)?.state == .failed)
        #expect(harness.image(job)?.failure?.reason == "broke")
        #expect(harness.deleted.contains(BlobReference.named("1.0.input").digest))
    }
}
