import JobModel
import Testing

@testable import Scheduler

/// What the scheduler refuses: with the value, the limit and the way out, and with a time to come back where that helps.
@Suite struct AdmissionTests {
    private func harness(_ change: (inout SchedulerConfiguration) -> Void) throws -> SchedulerHarness {
        var configuration = SchedulerConfiguration()
        change(&configuration)
        return try SchedulerHarness(configuration)
    }

    /// The refusal of `body`, which must be one.
    private func refusal(_ body: () throws -> Void) throws -> SchedulerRefusal {
        try #require(#expect(throws: SchedulerRefusal.self) { try body() })
    }

    /// Checks that a refusal for lack of room says everything a person needs.
    private func expect(
        _ refusal: SchedulerRefusal, isOverloadOf what: String, have: Int, limit: Int, setting: String
    ) {
        guard case .overloaded(let overload) = refusal else {
            Issue.record("\(refusal) is not an overload")
            return
        }
        #expect(overload.what == what)
        #expect(overload.have == have && overload.limit == limit)
        #expect(refusal.retryAfter.map { $0 > .zero && $0 <= .seconds(60) } == true)
        for word in [what, "\(have)", "\(limit)", "--\(setting)"] {
            #expect(refusal.description.contains(word), "\(refusal.description)")
        }
    }

    // MARK: Overload: refused now, taken later

    @Test func `open jobs are bounded, and a job that ends makes room`() throws {
        let harness = try harness { $0.maximumOpenJobs = 2 }
        let worker = try harness.connect()
        try harness.submit()
        try harness.submit(token: "open", sealed: false)
        let refusal = try refusal { try harness.submit() }
        expect(refusal, isOverloadOf: "jobs that have not ended", have: 2, limit: 2, setting: "max-jobs")
        #expect(harness.counters.askedToWait == 1)
        #expect(
            try harness.submit(images: 0, token: "open", sealed: false) == JobID(2), "a known token is not a new job")
        try harness.finishNext(on: worker)
        try harness.submit()
    }

    @Test func `open jobs of one submitter are bounded; others are not in the way`() throws {
        let harness = try harness { $0.maximumOpenJobsPerSubmitter = 2 }
        for _ in 0..<2 { try harness.submit(by: "ann") }
        let refusal = try refusal { try harness.submit(by: "ann") }
        expect(
            refusal, isOverloadOf: "jobs of 'ann' that have not ended", have: 2, limit: 2,
            setting: "max-jobs-per-submitter")
        try harness.submit(by: "bob")
        try harness.cancel(JobID(1))
        try harness.submit(by: "ann")
    }

    @Test func `kept jobs are bounded, and forgetting one makes room`() throws {
        let harness = try harness { $0.maximumJobs = 1 }
        let worker = try harness.connect()
        let job = try harness.submit()
        try harness.finishNext(on: worker)
        let refusal = try refusal { try harness.submit() }
        expect(refusal, isOverloadOf: "jobs in its records", have: 1, limit: 1, setting: "max-kept-jobs")
        try harness.forget(job)
        try harness.submit()
    }

    @Test func `kept images are bounded, and so are waiting tasks`() throws {
        let harness = try harness {
            $0.maximumImages = 4
            $0.maximumTasksReady = 3
        }
        let job = try harness.submit(images: 3, sealed: false)
        var refusal = try refusal { try harness.add(1, to: job, from: 3) }
        expect(refusal, isOverloadOf: "tasks that wait", have: 3, limit: 3, setting: "max-tasks")
        refusal = try self.refusal { try harness.add(2, to: job, from: 3) }
        expect(refusal, isOverloadOf: "images in its records", have: 3, limit: 4, setting: "max-kept-images")
        // A worker takes tasks; and what is refused has left nothing behind.
        try harness.connect()
        try harness.add(1, to: job, from: 3)
        #expect(harness.summary(job)?.counts.images == 4)
    }

    @Test func `workers are bounded, and one that leaves makes room`() throws {
        let harness = try harness { $0.maximumWorkers = 1 }
        let worker = try harness.connect()
        let refusal = try refusal { try harness.connect() }
        expect(refusal, isOverloadOf: "workers", have: 1, limit: 1, setting: "max-workers")
        try harness.connect(as: worker)
        harness.disconnect(worker)
        try harness.connect()
    }

    // MARK: Limits: refused for good

    @Test func `a request that can never fit is refused permanently`() throws {
        let harness = try harness {
            $0.maximumImagesPerJob = 3
            $0.maximumTasksReady = 2
        }
        let job = try harness.submit(images: 2, sealed: false)
        let tooMany = try refusal { try harness.add(2, to: job, from: 2) }
        #expect(
            tooMany == .overLimit(what: "images of the job", need: 2, have: 2, limit: 3, setting: "max-images-per-job"))
        #expect(tooMany.retryAfter == nil)
        #expect(tooMany.description.contains("--max-images-per-job"))

        let tooLarge = try refusal { try harness.submit(images: 3) }
        #expect(tooLarge == .overLimit(what: "tasks that wait", need: 3, have: 0, limit: 2, setting: "max-tasks"))
        #expect(tooLarge.retryAfter == nil)
        #expect(tooLarge.description.contains("3 tasks that wait are above the limit of 2"))
    }

    @Test func `texts are bounded`() throws {
        let harness = try SchedulerHarness()
        func expect(_ refusal: SchedulerRefusal, says words: String...) {
            #expect(refusal.retryAfter == nil)
            for word in words { #expect(refusal.description.contains(word), "\(refusal.description)") }
        }
        expect(try refusal { try harness.submit(token: String(repeating: "t", count: 257)) }, says: "257", "1 to 256")
        expect(try refusal { try harness.submit(by: String(repeating: "s", count: 257)) }, says: "257", "256")
        expect(try refusal { try harness.submit(priority: 101) }, says: "101", "-100 to 100")
        expect(try refusal { try harness.submit(String(repeating: "p", count: 16_385)) }, says: "16385", "16384")
        expect(try refusal { try harness.connect(String(repeating: "w", count: 1_025)) }, says: "1025", "1024")
        expect(try refusal { try harness.connect(slots: 1_025) }, says: "1025", "1 to 1024", "--max-slots-per-worker")
        let job = try harness.submit(images: 0, sealed: false)
        let offer = ImageOffer(
            name: String(repeating: "n", count: 1_025), input: .named("input"),
            admission: .accepted(ImageGeometry(width: 1, height: 1, channelCount: 1, bitsPerSample: 8)))
        expect(try refusal { try harness.add([offer], to: job) }, says: "1025", "1024")
        #expect(harness.summary(job)?.counts.images == 0)
    }

    @Test func `beyond the limit of dead letters an image fails permanently, and says why`() throws {
        let harness = try harness { $0.maximumDeadLetters = 1 }
        let worker = try harness.connect(slots: 2)
        let job = try harness.submit(images: 2, maximumAttempts: 1)
        for lease in harness.leases(of: worker) { harness.fail(lease, on: worker, .rankLost, "broke") }
        #expect(harness.image(job, 0)?.state == .deadLettered)
        #expect(harness.image(job, 1)?.state == .failed)
        let reason = try #require(harness.image(job, 1)?.failure?.reason)
        #expect(reason.hasPrefix("broke; ") && reason.contains("--max-dead-letters"), "\(reason)")
        #expect(harness.counters.deadLetters == 1)

        // A redrive makes room.
        try harness.redrive(job, 0)
        #expect(harness.counters.deadLetters == 0)
        harness.fail(harness.leases(of: worker)[0], on: worker, .rankLost)
        #expect(harness.image(job, 0)?.state == .deadLettered)
    }

    @Test func `an image that is not dead cannot be redriven, and the refusal says what it is`() throws {
        let harness = try SchedulerHarness()
        let job = try harness.submit()
        let refusal = try refusal { try harness.redrive(job, 0) }
        #expect(refusal == .imageNotInState(ImageID(job: job, index: 0), is: .waiting, needed: "dead-lettered"))
        #expect(refusal.description == "image 1.0 is waiting, not dead-lettered")
        let failed = SchedulerRefusal.imageNotInState(
            ImageID(job: job, index: 0), is: .failed, needed: "dead-lettered")
        #expect(failed.description == "image 1.0 has failed, not dead-lettered")
        #expect(try self.refusal { try harness.redrive(job) } == .nothingDead(job))
    }

    @Test func `dead letters are listed in pages`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect(slots: 9)
        for _ in 0..<3 { try harness.submit(images: 3, maximumAttempts: 1) }
        for lease in harness.leases(of: worker) { harness.fail(lease, on: worker, .rankLost) }
        func page(after: ImageID?, job: JobID? = nil) -> [ImageID] {
            harness.deadImages(job: job, after: after, limit: 4).map(\.id)
        }
        let all = harness.deadImages(job: nil, after: nil, limit: .max).map(\.id)
        #expect(all.count == 9)
        #expect(page(after: nil) == Array(all[..<4]))
        #expect(page(after: all[3]) == Array(all[4..<8]))
        #expect(page(after: all[7]) == [all[8]])
        #expect(page(after: all[8]) == [])
        #expect(page(after: all[3], job: JobID(2)) == Array(all[4..<6]))
    }

    // MARK: Sums

    @Test func `the bytes that wait are those of images that have not ended`() throws {
        let harness = try SchedulerHarness()
        let worker = try harness.connect(slots: 2)
        let job = try harness.submit(images: 4, maximumAttempts: 1)
        #expect(harness.counters.queuedByteCount == 320)
        harness.fail(harness.leases(of: worker)[0], on: worker, .corruptInput)
        #expect(harness.counters.queuedByteCount == 240)
        harness.fail(harness.leases(of: worker)[0], on: worker, .rankLost)
        #expect(harness.counters.queuedByteCount == 160, "dead letters do not wait")
        try harness.redrive(job, 1)
        #expect(harness.counters.queuedByteCount == 240)
        try harness.finishNext(on: worker)
        #expect(harness.counters.queuedByteCount == 160)
        try harness.restart()
        #expect(harness.counters.queuedByteCount == 160)
        try harness.cancel(job)
        #expect(harness.counters.queuedByteCount == 0)
    }
}

@Suite struct RetryPacerTests {
    @Test func `each refused client gets a retry time of its own`() {
        var pacer = RetryPacer()
        let now = Instant(nanoseconds: 5_000_000_000)
        let delays = (0..<1_000).map { _ in pacer.delay(at: now) }
        #expect(delays[0] == .milliseconds(250))
        #expect(zip(delays, delays.dropFirst()).allSatisfy { $1 - $0 == .milliseconds(10) }, "100 a second")
    }

    @Test func `after a while the line is empty again`() {
        var pacer = RetryPacer()
        for _ in 0..<100 { _ = pacer.delay(at: Instant(nanoseconds: 1_000_000_000)) }
        #expect(pacer.delay(at: Instant(nanoseconds: 9_000_000_000)) == .milliseconds(250))
    }

    @Test func `nobody is sent away for longer than a minute, however many wait`() {
        var pacer = RetryPacer()
        let longest = (0..<100_000).map { _ in pacer.delay(at: .zero) }.max()
        #expect(longest == .seconds(60))
    }

    @Test func `the pace follows the work: twice as many come as there will be room for`() {
        var pacer = RetryPacer()
        for step in 0..<2_000 { pacer.completed(at: Instant(nanoseconds: UInt64(step) * 1_000_000)) }
        let now = Instant(nanoseconds: 2_000_000_000)
        let delays = (0..<100).map { _ in pacer.delay(at: now) }
        #expect(delays[99] - delays[0] == .microseconds(500) * 99, "2,000 a second for 1,000 completions")
    }
}
