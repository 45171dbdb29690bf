import JobModel
import Scheduler
import Testing

@testable import MasterMachine

/// What clients may leave with a master: pins, incomplete jobs and finished ones.
@Suite struct BoundTests {
    private let start = Instant(nanoseconds: 1_000_000_000_000)

    private func digest(_ number: Int) -> BlobDigest {
        var bytes = [UInt8](repeating: 0, count: 32)
        for position in 0..<8 { bytes[position] = UInt8(truncatingIfNeeded: number >> (8 * position)) }
        guard let digest = BlobDigest(bytes) else { preconditionFailure("32 bytes") }
        return digest
    }

    // MARK: Pins

    @Test func `what is not in the store is not pinned`() throws {
        let harness = try Harness(present: [digest(1)])
        let job = try harness.openJob("a")
        let absent = (10..<10_000).map(digest)
        for job in [nil, job, JobID(77)] {
            let found = harness.master.blobsSought([digest(1)] + absent, for: job, by: "client", at: harness.now)
            #expect(found == [true] + Array(repeating: false, count: absent.count))
        }
        #expect(throws: Never.self) { try harness.announce(absent, for: job) }
        let counters = harness.master.counters
        #expect(counters.blobsPinned <= 2, "\(counters.blobsPinned) pins")
    }

    @Test func `what a client sought is pinned for its sake, once, and no longer than its connection`() throws {
        let harness = try Harness(present: [digest(1), digest(2)])
        for _ in 0..<1_000 {
            _ = harness.master.blobsSought([digest(1), digest(2)], for: nil, by: "one", at: harness.now)
            _ = harness.master.blobsSought([digest(2)], for: nil, by: "two", at: harness.now)
            harness.pass(.milliseconds(100))
        }
        #expect(harness.master.sought.count == 3)
        #expect(harness.master.sought.endCount == 3)
        #expect(harness.isPinned(digest(1)) && harness.isPinned(digest(2)))
        harness.master.clientLeft("one", at: harness.now)
        #expect(!harness.isPinned(digest(1)), "freed with its connection")
        #expect(harness.isPinned(digest(2)), "another client's")
        harness.master.clientLeft("two", at: harness.now)
        #expect(harness.master.sought.count == 0 && harness.master.sought.endCount == 0)
        harness.pass(.seconds(10))
        #expect(Set(harness.turn().actions.removals) == [digest(1), digest(2)], "nothing needs them")
    }

    @Test func `a pin that was sought ends by itself, and a client's share is bounded`() {
        var sought = SoughtBlobs<Int>()
        for number in 0..<(SoughtBlobs<Int>.maximumCountPerClient + 1_000) {
            sought.pin(digest(number), by: 1, at: start)
        }
        sought.pin(digest(5), by: 2, at: start)
        #expect(sought.count == SoughtBlobs<Int>.maximumCountPerClient + 1)
        #expect(sought.isPinned(digest(0)) && !sought.isPinned(digest(SoughtBlobs<Int>.maximumCountPerClient)))
        sought.pin(digest(5), by: 2, at: start + .seconds(300))
        #expect(sought.expired(at: start + .seconds(599)).isEmpty)
        #expect(sought.expired(at: start + .seconds(600)).count == SoughtBlobs<Int>.maximumCountPerClient - 1)
        #expect(sought.isPinned(digest(5)), "the other client renewed its own")
        #expect(sought.expired(at: start + .seconds(900)) == [digest(5)])
        #expect(sought.count == 0 && sought.endCount == 0)
    }

    @Test func `all clients together pin a bounded number of blobs, and those of one that leaves make room`() {
        var sought = SoughtBlobs<Int>()
        let clients = SoughtBlobs<Int>.maximumCount / SoughtBlobs<Int>.maximumCountPerClient
        for client in 0..<clients {
            for number in 0..<SoughtBlobs<Int>.maximumCountPerClient {
                sought.pin(digest(number), by: client, at: start)
            }
        }
        #expect(sought.count == SoughtBlobs<Int>.maximumCount)
        let late = digest(SoughtBlobs<Int>.maximumCountPerClient)
        sought.pin(late, by: clients, at: start)
        #expect(!sought.isPinned(late) && sought.count == SoughtBlobs<Int>.maximumCount)
        sought.left(0)
        sought.pin(late, by: clients, at: start)
        #expect(sought.isPinned(late))
    }

    @Test func `what was sought for an incomplete job stays with the job`() throws {
        let harness = try Harness(present: [digest(1)])
        let job = try harness.openJob("a")
        #expect(harness.master.blobsSought([digest(1)], for: job, by: "client", at: harness.now) == [true])
        harness.master.clientLeft("client", at: harness.now)
        harness.pass(.seconds(500))
        harness.turn()
        #expect(harness.isPinned(digest(1)))
        #expect(try harness.add([BlobReference(digest: digest(1), byteCount: 5)], to: job) == .added(fromCache: 0))
    }

    @Test func `what nobody refers to after a start is removed, unless somebody comes to refer to it`() throws {
        let harness = try Harness(present: [digest(1), digest(2), digest(3)])
        let job = try harness.openJob("a")
        #expect(try harness.add([BlobReference(digest: digest(1), byteCount: 5)], to: job) == .added(fromCache: 0))
        harness.pass(BlobPins.duration - .seconds(10))
        #expect(harness.turn().actions.removals == [], "a worker may still report them")
        harness.master.stored(digest(2), at: harness.now)
        harness.pass(.seconds(20))
        #expect(harness.turn().actions.removals == [digest(3)])
        harness.pass(BlobPins.duration)
        #expect(harness.turn().actions.removals == [digest(2)])
    }

    // MARK: Incomplete jobs

    @Test func `one connection leaves a bounded number of jobs incomplete; others are not in the way`() throws {
        var configuration = MasterConfiguration()
        configuration.maximumUnsealedJobsPerClient = 3
        let harness = try Harness(configuration)
        for number in 0..<3 { _ = try harness.openJob("\(number)", by: "greedy") }
        let refusal = try #require(
            #expect(throws: SchedulerRefusal.self) { _ = try harness.openJob("3", by: "greedy") })
        #expect(refusal.retryAfter != nil)
        for word in ["3 incomplete jobs", "--max-unsealed-jobs-per-connection"] {
            #expect("\(refusal)".contains(word), "\(refusal)")
        }
        #expect(try harness.openJob("2", by: "greedy") == JobID(3), "a known token is not a new job")
        _ = try harness.openJob("other", by: "modest")
        try harness.master.cancelled(JobID(1), at: harness.now)
        _ = try harness.openJob("3", by: "greedy")
    }

    @Test func `a client that stays and does nothing for its job loses it`() throws {
        let harness = try Harness(MasterConfiguration(unsealedTimeout: .seconds(60), idleTimeout: .seconds(300)))
        let (idle, busy) = (try harness.openJob("idle"), try harness.openJob("busy"))
        for _ in 0..<60 {
            harness.pass(.seconds(20))
            harness.master.uploading(for: busy, at: harness.now)
            harness.turn()
        }
        #expect(harness.state(of: idle) == .cancelled)
        #expect(harness.state(of: busy) == .open, "bytes for it arrive")
        for _ in 0..<60 {
            harness.pass(.seconds(20))
            harness.turn()
        }
        #expect(harness.state(of: busy) == .cancelled)
        #expect(harness.master.unsealed.count == 0)
    }

    @Test func `returning to a job again and again takes no memory`() {
        var jobs = UnsealedJobs<Int>()
        for round in 0..<10_000 {
            jobs.opened(JobID(1), by: round, at: start + .milliseconds(round))
            jobs.active(JobID(1), at: start + .milliseconds(round))
        }
        #expect(jobs.count == 1 && jobs.entryCount == 1)
        #expect(jobs.count(of: 9_999) == 1 && jobs.count(of: 0) == 0)
    }

    @Test func `an idle job is found within twice its time, and one that became active is not`() {
        var jobs = UnsealedJobs<Int>()
        for job in 1...100 { jobs.opened(JobID(UInt64(job)), by: job, at: start + .seconds(job)) }
        var abandoned: [JobID: Duration] = [:]
        for second in stride(from: 5, through: 400, by: 5) {
            if second < 200 { jobs.active(JobID(50), at: start + .seconds(second)) }
            let gone = jobs.abandoned(at: start + .seconds(second), after: .seconds(10), orIdle: .seconds(100))
            for job in gone { abandoned[job] = .seconds(second) }
        }
        #expect(abandoned.count == 100)
        for (job, time) in abandoned where job != JobID(50) {
            let idle = time - .seconds(Int(job.rawValue))
            #expect(idle > .seconds(100) && idle <= .seconds(205), "\(job)")
        }
        #expect((abandoned[JobID(50)] ?? .zero) > .seconds(290))
    }

    // MARK: Finished jobs

    /// A master with room for `jobs` jobs, of which `keepAtLeast` old ones give way.
    private func full(_ jobs: Int, images: Int = 1_000_000, keepAtLeast: Duration = .seconds(3_600)) throws -> Harness {
        var configuration = MasterConfiguration(keepAtLeast: keepAtLeast)
        configuration.scheduler.maximumJobs = jobs
        configuration.scheduler.maximumImages = images
        let harness = try Harness(configuration)
        try harness.register("worker", on: 1, slots: 4)
        harness.turn()
        return harness
    }

    /// Submits a job whose image is done at once.
    @discardableResult
    private func finish(_ number: UInt8, in harness: Harness) throws -> JobID {
        let job = try harness.submit("token \(number)", blob(number))
        let grants = harness.turn().actions.grants
        let result = blob(number &+ 100)
        harness.master.stored(result.digest, at: harness.now)
        for lease in grants {
            _ = harness.report(.finished(lease, TaskOutput(payload: result)), by: WorkerID(1))
        }
        harness.turn()
        #expect(harness.state(of: job) == .done)
        return job
    }

    @Test func `the oldest finished job gives way to a new one, once it is old enough`() throws {
        let harness = try full(3)
        for number in UInt8(1)...3 {
            try finish(number, in: harness)
            harness.beat(1)
            harness.pass(.seconds(1))
        }
        let refusal = try #require(#expect(throws: SchedulerRefusal.self) { _ = try harness.openJob("new") })
        // The truth: in an hour, less what has passed. And an operator may help earlier.
        #expect(refusal.retryAfter == Overload.longestWaitForRoom)
        for word in ["3597 s", "--keep-at-least", "tessera forget", "--max-kept-jobs"] {
            #expect("\(refusal)".contains(word), "\(refusal)")
        }
        #expect(harness.master.scheduler.counters.askedToWait == 1)
        harness.pass(.seconds(3_597))
        let new = try harness.openJob("new")
        #expect(harness.state(of: JobID(1)) == nil, "the oldest")
        #expect(harness.state(of: JobID(2)) == .done && harness.state(of: new) == .open)
        #expect(harness.master.takeYielded() == YieldedJobs(count: 1, latest: JobID(1)))
        #expect(harness.master.takeYielded().count == 0)
        #expect(harness.master.scheduler.counters.askedToWait == 1, "nobody was asked to wait for that")
    }

    @Test func `an opening that is refused for another reason costs no job its place`() throws {
        let harness = try full(1)
        try finish(1, in: harness)
        harness.pass(.seconds(10_000))
        #expect(throws: SchedulerRefusal.self) {
            _ = try harness.master.jobOpened(
                JobOpening(token: "x", submitter: "s", priority: 1_000, pipeline: "invert"), by: "c", at: harness.now)
        }
        #expect(harness.state(of: JobID(1)) == .done)
    }

    @Test func `jobs without any result give way earlier than those with results`() throws {
        let harness = try full(2)
        try finish(1, in: harness)
        let empty = try harness.openJob("empty")
        try harness.master.cancelled(empty, at: harness.now)
        harness.turn()
        harness.pass(.seconds(599))
        #expect(throws: SchedulerRefusal.self) { _ = try harness.openJob("new") }
        harness.pass(.seconds(1))
        _ = try harness.openJob("new")
        #expect(harness.state(of: empty) == nil && harness.state(of: JobID(1)) == .done)
    }

    @Test func `images make room in the same way`() throws {
        let harness = try full(100, images: 3)
        for number in UInt8(1)...3 { try finish(number, in: harness) }
        harness.beat(1)
        harness.pass(.seconds(4_000))
        let job = try harness.openJob("new")
        for number in UInt8(50)...51 { harness.master.uploaded(blob(number), for: job, at: harness.now) }
        #expect(try harness.add([blob(50), blob(51)], to: job) == .added(fromCache: 0))
        #expect(harness.state(of: JobID(1)) == nil && harness.state(of: JobID(2)) == nil)
        #expect(harness.state(of: JobID(3)) == .done)
    }

    @Test func `a job that runs, or was redriven, never gives way`() throws {
        let harness = try full(2, keepAtLeast: .zero)
        let done = try finish(1, in: harness)
        let open = try harness.openJob("open")
        _ = try harness.openJob("new")
        #expect(harness.state(of: done) == nil && harness.state(of: open) == .open)
        let refusal = try #require(#expect(throws: SchedulerRefusal.self) { _ = try harness.openJob("another") })
        #expect("\(refusal)".contains("none of them has ended"), "\(refusal)")
        #expect((refusal.retryAfter ?? .seconds(99)) < .seconds(60))
    }

    @Test func `after a restart finished jobs are as old as they were, and stay ten minutes in any case`() throws {
        let harness = try full(2)
        try finish(1, in: harness)
        harness.beat(1)
        harness.pass(.seconds(3_000))
        try finish(2, in: harness)
        harness.pass(.seconds(2_000))
        let restarted = try harness.restarted(present: [])
        #expect(throws: SchedulerRefusal.self) { _ = try restarted.openJob("new") }
        restarted.pass(.seconds(600))
        _ = try restarted.openJob("new")
        #expect(restarted.state(of: JobID(1)) == nil && restarted.state(of: JobID(2)) == .done)
        #expect(throws: SchedulerRefusal.self) { _ = try restarted.openJob("newer") }
    }

    @Test func `only a finished job can be forgotten, and only once`() throws {
        let harness = try full(10)
        let done = try finish(1, in: harness)
        let open = try harness.openJob("open")
        #expect(throws: SchedulerRefusal.jobNotInState(open, is: .open, needed: "finished or cancelled")) {
            try harness.master.forgotten(open, at: harness.now)
        }
        try harness.master.forgotten(done, at: harness.now)
        #expect(throws: SchedulerRefusal.unknownJob(done)) { try harness.master.forgotten(done, at: harness.now) }
        #expect(harness.state(of: open) == .open)
    }
}

extension Harness {
    func isPinned(_ digest: BlobDigest) -> Bool { master.isPinned(digest) }

    func announce(_ inputs: [BlobDigest], for job: JobID) throws {
        _ = try master.imagesAnnounced(for: job, inputs: inputs, by: "client", at: now)
    }

    func beat(_ link: Int) { _ = master.heartbeat(of: WorkerID(1), held: [], residentBytes: 1, at: now) }
}
