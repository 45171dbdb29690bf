import JobModel
import Testing

@testable import Scheduler

@Suite struct RetryTests {
    @Test(arguments: [FailureCause.corruptInput, .overLimit, .unsuitable])
    func `a failure that would come again ends the image at once, and only it`(cause: FailureCause) throws {
        let play = try Rehearsal()
        let worker = try play.connect(slots: 2)
        let job = try play.submit(images: 3)
        let bad = play.leases(of: worker)[0]
        play.fail(bad, on: worker, cause, "row 7 is cut off")
        #expect(play.image(job, 0)?.state == .failed)
        #expect(play.image(job, 0)?.failure?.reason == "row 7 is cut off")
        play.workOff(on: [worker])
        #expect(play.state(job) == .partlyFailed)
        #expect(play.summary(job)?.counts.imagesDone == 2)
        #expect(play.journal.filter { $0.kind == .attemptStarted }.count == 3, "nothing was tried again")
    }

    @Test func `when an image fails, its other tasks are taken back and forgotten`() throws {
        let play = try Rehearsal()
        let worker = try play.connect(slots: 2)
        let job = try play.submit("rows", rows: 40)
        play.finish(play.leases(of: worker)[0], on: worker)
        #expect(play.counters.tasksReady == 6)
        let leases = play.leases(of: worker)
        play.fail(leases[0], on: worker, .unsuitable)
        #expect(leases.dropFirst().allSatisfy { play.revoked[$0] == .imageFinal })
        #expect(play.counters.tasksReady == 0)
        #expect(play.state(job) == .failed)
        #expect(play.deleted.contains(BlobReference.named("1.0.band-0").digest))
    }

    @Test(arguments: [FailureCause.rankLost, .hung, .workerError])
    func `a task that keeps failing is dead-lettered with its history`(cause: FailureCause) throws {
        let play = try Rehearsal()
        let workers = [try play.connect("a"), try play.connect("b")]
        let job = try play.submit(images: 2)
        let image = ImageID(job: job, index: 0)
        for attempt in 1...4 {
            let holder = try #require(
                workers.first { worker in play.leases(of: worker).contains { $0.task.image == image } })
            let lease = try #require(play.leases(of: holder).first { $0.task.image == image })
            #expect(lease.attempt == AttemptNumber(attempt))
            play.fail(lease, on: holder, cause, "attempt \(attempt)")
            play.wait(.seconds(10))
        }
        let dead = try #require(play.dead(image))
        #expect(dead.attempts.map(\.failure.reason) == (1...4).map { "attempt \($0)" })
        #expect(dead.attempts.allSatisfy { $0.failure.outputTail == "tail" && $0.failure.cause == cause })
        #expect(Set(dead.attempts.map(\.worker)) == Set(workers))
        play.workOff(on: workers)
        #expect(play.state(job) == .partlyFailed)
    }

    @Test func `the pause before the next attempt doubles`() throws {
        let play = try Rehearsal()
        let worker = try play.connect()
        try play.submit(maximumAttempts: 100)
        var pauses: [Duration] = []
        for _ in 0..<9 {
            play.fail(try #require(play.leases(of: worker).first), on: worker, .rankLost)
            let start = play.now
            for _ in 0..<200 where play.leases(of: worker).isEmpty { play.wait(.milliseconds(250)) }
            pauses.append(play.now - start)
        }
        #expect(pauses == [0.5, 1, 2, 4, 8, 16, 30, 30, 30].map { .seconds($0) })
    }

    @Test func `losing a worker counts apart from failing, with its own limit`() throws {
        var configuration = SchedulerConfiguration()
        configuration.maximumWorkerLosses = 6
        configuration.longestBackoff = .seconds(1)
        let play = try Rehearsal(configuration)
        let job = try play.submit(maximumAttempts: 2)
        for _ in 0..<5 {
            let worker = try play.connect()
            play.wait(.seconds(2))
            #expect(play.leases(of: worker).count == 1)
            play.disconnect(worker)
        }
        #expect(play.image(job)?.state == .running)
        let worker = try play.connect()
        play.wait(.seconds(2))
        play.fail(play.leases(of: worker)[0], on: worker, .rankLost)
        #expect(play.image(job)?.state == .running, "one failure of two, five losses of six")
        play.wait(.seconds(2))
        play.disconnect(worker)
        #expect(play.image(job)?.state == .deadLettered)
        #expect(play.summary(job)?.counts.attemptsLost == 7)
    }

    @Test func `a lease that is given back costs the task nothing`() throws {
        let play = try Rehearsal()
        let worker = try play.connect()
        let job = try play.submit(maximumAttempts: 1)
        for _ in 0..<50 {
            let lease = try #require(play.leases(of: worker).first)
            play.giveBack(lease, on: worker)
            #expect(play.leases(of: worker).isEmpty, "a worker that does not drain is not asked again at once")
            play.wait(.milliseconds(500))
        }
        #expect(play.image(job)?.state == .running)
        try play.finishNext(on: worker)
        #expect(play.state(job) == .done)
        let counts = play.summary(job)?.counts
        #expect(counts?.attemptsFailed == 0 && counts?.attemptsLost == 0)
    }

    @Test func `the next attempt goes to another worker, even to a busier one`() throws {
        let play = try Rehearsal()
        let first = try play.connect("first", slots: 2)
        try play.submit(images: 1)
        let second = try play.connect("second", slots: 1)
        try play.submit(images: 1)
        play.fail(play.leases(of: first)[0], on: first, .rankLost)
        play.wait(.milliseconds(600))
        #expect(play.leases(of: second).map(\.description).contains("1.0/whole#2"))
    }

    @Test func `a task waits a while for another worker that is full, but not for ever`() throws {
        let play = try Rehearsal()
        let first = try play.connect("first", slots: 1)
        try play.submit(images: 1)
        let second = try play.connect("second", slots: 1)
        try play.submit(images: 2)
        #expect(play.leases(of: second).count == 1)
        play.fail(play.leases(of: first)[0], on: first, .rankLost)
        // Fill the second worker, so that only the first has room.
        try play.submit(images: 60)
        let filler = play.leases(of: first)
        for lease in filler { play.finish(lease, on: first) }
        #expect(play.leases(of: second).count == 2)
        play.wait(.seconds(3))
        #expect(!play.leases(of: first).contains { $0.task.image.job == JobID(1) })
        for _ in 0..<20 where !play.leases(of: first).contains(where: { $0.task.image.job == JobID(1) }) {
            for lease in play.leases(of: first) { play.finish(lease, on: first) }
            play.wait(.seconds(1))
        }
        #expect(play.leases(of: first).contains { $0.task.image.job == JobID(1) })
    }

    @Test func `a task that failed on the only worker is tried there again`() throws {
        let play = try Rehearsal()
        let only = try play.connect()
        let job = try play.submit()
        play.fail(play.leases(of: only)[0], on: only, .rankLost)
        play.wait(.milliseconds(600))
        try play.finishNext(on: only)
        #expect(play.state(job) == .done)
    }

    @Test func `a dead letter can be redriven, though its job had ended`() throws {
        let play = try Rehearsal()
        let worker = try play.connect()
        let job = try play.submit(images: 2, maximumAttempts: 1)
        play.fail(play.leases(of: worker)[0], on: worker, .rankLost)
        play.workOff(on: [worker])
        #expect(play.state(job) == .partlyFailed)
        #expect(play.isNeeded(.named("1.0.input")), "the input is kept for a redrive")
        #expect(play.counters.jobsOpen == 0)

        let count = try play.perform { scheduler, now, decision throws(SchedulerRefusal) in
            try scheduler.deadRedriven(job: nil, index: nil, at: now, into: &decision)
        }
        #expect(count == 1)
        #expect(play.state(job) == .running)
        #expect(play.counters.jobsOpen == 1)
        #expect(play.leases(of: worker).map(\.description) == ["1.0/whole#2"], "no attempt number is used twice")
        try play.finishNext(on: worker)
        #expect(play.state(job) == .done)
        #expect(play.summary(job)?.counts.imagesFailed == 0)
    }

    @Test func `a dead letter that is purged is a plain failure`() throws {
        let play = try Rehearsal()
        let worker = try play.connect()
        let job = try play.submit(images: 1, maximumAttempts: 1)
        play.fail(play.leases(of: worker)[0], on: worker, .rankLost, "broke")
        let image = ImageID(job: job, index: 0)
        #expect(play.dead(image) != nil)
        func purge(_ index: UInt32) throws -> Int {
            try play.perform { scheduler, now, decision throws(SchedulerRefusal) in
                try scheduler.deadPurged(job: job, index: index, at: now, into: &decision)
            }
        }
        #expect(throws: SchedulerRefusal.unknownImage(ImageID(job: job, index: 5))) { try purge(5) }
        #expect(try purge(0) == 1)
        #expect(throws: SchedulerRefusal.imageNotInState(image, is: .failed, needed: "dead-lettered")) {
            try purge(0)
        }
        #expect(play.dead(image) == nil)
        #expect(play.image(job)?.state == .failed)
        #expect(play.image(job)?.failure?.reason == "broke")
        #expect(play.deleted.contains(BlobReference.named("1.0.input").digest))
    }
}
