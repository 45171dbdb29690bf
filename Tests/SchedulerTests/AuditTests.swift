import JobModel
import Testing

@testable import Scheduler

@Suite struct AuditTests {
    static func configuration(window: Duration = .seconds(3_600)) -> SchedulerConfiguration {
        var configuration = SchedulerConfiguration()
        configuration.auditSalt = AuditSalt(1, 2)
        configuration.auditWindow = window
        return configuration
    }

    /// A harness with that many workers of one slot each, named a, b, c, ...
    static func cluster(
        _ count: Int, window: Duration = .seconds(3_600)
    ) throws -> (SchedulerHarness, [WorkerID]) {
        let harness = try SchedulerHarness(configuration(window: window))
        let workers = try (0..<count).map { number in
            try harness.connect(String(UnicodeScalar(UInt8(ascii: "a") + UInt8(number))))
        }
        return (harness, workers)
    }

    func holder(_ harness: SchedulerHarness, _ workers: [WorkerID]) -> WorkerID? {
        workers.first { !harness.leases(of: $0).isEmpty }
    }

    func finish(_ harness: SchedulerHarness, on worker: WorkerID, mistake: String = "") throws {
        harness.finish(try #require(harness.leases(of: worker).first), on: worker, mistake: mistake)
    }

    // MARK: Which tasks

    @Test func `the hash is SipHash-2-4`() {
        // The reference's test vector: the key 00 01 ... 0f, the message 00 01 ... 07.
        var hash = KeyedHash(AuditSalt(0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908))
        #expect(hash.value == 0x726f_db47_dd0e_0e31)
        hash.combine(0x0706_0504_0302_0100)
        #expect(hash.value == 0x93f5_f579_9a93_2462)
    }

    @Test func `about the share of the tasks is chosen, by a salt that nobody else knows`() throws {
        let tasks = (UInt32(0)..<200_000).map { TaskID(image: ImageID(job: JobID(7), index: $0), step: .whole) }
        for millionths in [5_000, 100_000, 500_000] as [UInt32] {
            let share = AuditShare(millionths: millionths)
            let chosen = tasks.count { AuditSalt(3, 4).selects($0, share) }
            let expected = Int(millionths) * tasks.count / 1_000_000
            #expect(abs(chosen - expected) < expected / 8, "\(chosen) of \(expected)")
            let both = tasks.count { AuditSalt(3, 4).selects($0, share) && AuditSalt(5, 6).selects($0, share) }
            #expect(both < chosen, "another salt chooses others")
        }
        #expect(tasks.allSatisfy { AuditSalt(1, 1).selects($0, .all) && !AuditSalt(1, 1).selects($0, .none) })
        let steps: [TaskStep] = [.whole, .decode, .reduce(stage: 0), .reduce(stage: 1), .chunk(stage: 0, index: 1)]
        let half = AuditShare(millionths: 500_000)
        let image = ImageID(job: JobID(1), index: 0)
        let chosen = (UInt64(0)..<64).map { salt in
            steps.map { AuditSalt(salt, 9).selects(TaskID(image: image, step: $0), half) }
        }
        for step in steps.indices.dropFirst() {
            #expect(chosen.contains { $0[step] != $0[0] }, "\(steps[step]) is chosen by itself")
        }
    }

    @Test func `the salt is written once, before the first job with audits`() throws {
        let harness = try SchedulerHarness(Self.configuration())
        try harness.submit()
        #expect(harness.journal.allSatisfy { $0.kind != .auditsSalted })
        try harness.submit(audit: .all)
        try harness.submit(audit: .all)
        #expect(harness.journal.filter { $0.kind == .auditsSalted } == [.auditsSalted(AuditSalt(1, 2))])
    }

    // MARK: Opinions

    @Test func `an audited image is done when another worker has computed the same`() throws {
        let (harness, workers) = try Self.cluster(2)
        let job = try harness.submit(audit: .all)
        let first = try #require(holder(harness, workers))
        let second = try #require(workers.first { $0 != first })
        try finish(harness, on: first)
        #expect(harness.state(job) == .running, "it may still turn out to be wrong")
        let audit = try #require(harness.held[second]?.first)
        #expect(audit.lease.attempt == 2)
        #expect(harness.leases(of: first).isEmpty)
        try finish(harness, on: second)
        #expect(harness.state(job) == .done)
        #expect(harness.image(job)?.result == .named("1.0/whole.payload", 100))
        #expect(harness.summary(job)?.counts.tasksAudited == 1)
        #expect(harness.counters.auditsAgreed == 1)
        #expect(harness.quarantined.isEmpty)
    }

    @Test(arguments: 0...2)
    func `where two differ a third decides, and the one that stands alone is quarantined`(faulty: Int) throws {
        let (harness, workers) = try Self.cluster(3)
        let job = try harness.submit(audit: .all)
        var order: [WorkerID] = []
        while let worker = holder(harness, workers), harness.state(job) != .done {
            if !order.contains(worker) { order.append(worker) }
            let isFaulty = order.firstIndex(of: worker) == faulty
            try finish(harness, on: worker, mistake: isFaulty ? "!" : "")
        }
        #expect(harness.state(job) == .done)
        #expect(harness.image(job)?.result == .named("1.0/whole.payload", 100))
        // The third is not asked when the first two agree.
        #expect(harness.quarantined == (faulty < 2 ? [order[faulty]] : []))
        #expect(harness.counters.workersQuarantined == (faulty < 2 ? 1 : 0))
        if faulty < 2 {
            let status = try #require(harness.status(order[faulty]))
            #expect(status.state == .quarantined)
            #expect(status.quarantinedBy?.task == TaskID(image: ImageID(job: job, index: 0), step: .whole))
        }
    }

    @Test func `a quarantined worker gets nothing, and what it had goes to others`() throws {
        let (harness, workers) = try Self.cluster(3)
        let job = try harness.submit(images: 12, audit: .all)
        let faulty = workers[0]
        harness.workOff(on: workers, mistakes: [faulty: "!"]) { !harness.quarantined.isEmpty }
        #expect(harness.quarantined == [faulty])
        #expect(harness.leases(of: faulty).isEmpty)
        let late = LeaseID(task: TaskID(image: ImageID(job: job, index: 11), step: .whole), attempt: 1)
        harness.workOff(on: workers, mistakes: [:]) { harness.state(job) == .done }
        #expect(harness.state(job) == .done)
        for index in 0..<12 as Range<UInt32> {
            #expect(harness.image(job, index)?.result == .named("\(job).\(index)/whole.payload", 100))
        }
        // What it says now does not count.
        let lateCount = harness.counters.lateResults
        harness.finish(late, on: faulty, mistake: "!")
        #expect(harness.counters.lateResults == lateCount + 1)
        #expect(harness.image(job, 11)?.result == .named("\(job).11/whole.payload", 100))
    }

    @Test(arguments: ["rows", "shared", "own", "columns", "report"])
    func `every kind of task of a large image is audited`(pipeline: String) throws {
        let (right, rightWorkers) = try Self.cluster(3)
        let undisturbed = try right.submit(pipeline, rows: 16, audit: .all)
        right.workOff(on: rightWorkers)
        let steps = Set(
            right.journal.compactMap { if case .taskAudited(let lease, _) = $0 { lease.task.step } else { nil } })
        #expect(UInt64(steps.count) == right.summary(undisturbed)?.counts.tasksTotal)
        #expect(right.state(undisturbed) == .done)

        for step in steps.sorted() {
            // The first attempt at one task is wrong.
            let (harness, workers) = try Self.cluster(3)
            let job = try harness.submit(pipeline, rows: 16, audit: .all)
            var faulty: WorkerID?
            for _ in 0..<10_000 {
                for image in harness.assemblies.keys.sorted() { harness.assemble(image) }
                guard let worker = holder(harness, workers), let lease = harness.leases(of: worker).first else { break }
                let isWrong = lease.task.step == step && faulty == nil
                if isWrong { faulty = worker }
                harness.finish(lease, on: worker, mistake: isWrong ? "!" : "")
            }
            #expect(harness.state(job) == .done, "\(step)")
            #expect(harness.quarantined == Set([faulty].compactMap { $0 }), "\(step)")
            #expect(harness.journal.contains { $0.kind == .imageWithdrawn }, "\(step): what came of it is redone")
        }
    }

    @Test func `of a decoding that two workers did, the author of the wrong band is blamed`() throws {
        let (harness, workers) = try Self.cluster(4)
        try harness.submit("rows", rows: 8, audit: .all)
        let first = try #require(holder(harness, workers))
        let lease = try #require(harness.leases(of: first).first)
        harness.publish(0, of: lease, on: first, mistake: "!")
        harness.disconnect(first)
        let second = try #require(holder(harness, workers))
        harness.workOff(on: workers, mistakes: [:]) { !harness.quarantined.isEmpty }
        #expect(harness.quarantined == [first])
        #expect(!harness.quarantined.contains(second))
    }

    @Test func `a result reported on another's lease is its author's`() throws {
        let (harness, workers) = try Self.cluster(4)
        let job = try harness.submit(audit: .all)
        let first = try #require(holder(harness, workers))
        let liar = try #require(workers.first { $0 != first })
        let lease = try #require(harness.leases(of: first).first)
        let wrong = harness.output(of: lease.task, mistake: "!")
        harness.perform { $0.taskFinished(lease, by: liar, output: wrong, at: $1, into: &$2) }
        harness.workOff(on: workers)
        #expect(harness.quarantined == [liar])
        #expect(harness.state(job) == .done)
    }

    @Test func `auditors that fail or are lost are replaced, and at last nobody is asked`() throws {
        let (harness, workers) = try Self.cluster(3)
        let job = try harness.submit(audit: .all)
        try finish(harness, on: try #require(holder(harness, workers)))
        var attempts = 0
        while harness.state(job) != .done, attempts < 20 {
            guard let worker = holder(harness, workers), let lease = harness.leases(of: worker).first else {
                harness.wait(.seconds(1))
                continue
            }
            attempts += 1
            harness.fail(lease, on: worker, .rankLost)
        }
        #expect(attempts == 4)
        #expect(harness.state(job) == .done, "the result is there: only the second opinion is not")
        #expect(harness.summary(job)?.counts.auditsSkipped == 1)
        #expect(harness.dead(ImageID(job: job, index: 0)) == nil)
    }

    // MARK: Too few workers

    @Test func `a sample does not wait for a worker that was never there`() throws {
        let (harness, workers) = try Self.cluster(1)
        let job = try harness.submit(images: 200, audit: AuditShare(millionths: 200_000))
        harness.workOff(on: workers)
        #expect(harness.state(job) == .done)
        let skipped = try #require(harness.summary(job)?.counts.auditsSkipped)
        #expect((20...60).contains(skipped))
        #expect(harness.counters.auditsSkipped == skipped)
    }

    @Test func `a job that is to be audited as a whole waits a while for a second worker`() throws {
        let (harness, workers) = try Self.cluster(1)
        let job = try harness.submit(audit: .all)
        harness.workOff(on: workers)
        #expect(harness.state(job) == .running)
        #expect(harness.counters.auditsWaiting == 1 && harness.counters.workersTaking == 1)
        harness.wait(.seconds(20))
        #expect(harness.state(job) == .running)
        harness.wait(.seconds(16))
        #expect(harness.state(job) == .done)
        #expect(harness.summary(job)?.counts.auditsSkipped == 1)
        #expect(harness.counters.auditsWaiting == 0)

        // One that comes in time is asked.
        let next = try harness.submit(audit: .all)
        harness.workOff(on: workers)
        harness.wait(.seconds(20))
        let second = try harness.connect("late")
        #expect(harness.leases(of: second).count == 1)
        harness.workOff(on: [second])
        #expect(harness.state(next) == .done)
        #expect(harness.summary(next)?.counts.tasksAudited == 1)
    }

    @Test func `two that differ without a third end the image, with a reason and a way out`() throws {
        let (harness, workers) = try Self.cluster(2)
        let job = try harness.submit(audit: .all)
        harness.workOff(on: workers, mistakes: [workers[0]: "!"])
        #expect(harness.counters.auditsDisputed == 1)
        #expect(harness.state(job) == .running)
        harness.wait(.seconds(40))
        #expect(harness.state(job) == .failed)
        #expect(harness.quarantined.isEmpty, "nobody knows which one is right")
        let dead = try #require(harness.dead(ImageID(job: job, index: 0)))
        #expect(dead.failure.cause == .disputed)
        #expect(dead.failure.reason.contains("w1, w2") && dead.failure.reason.contains("redrive"))
        #expect(harness.counters.imagesDisputed == 1 && harness.counters.auditsDisputed == 0)

        let third = try harness.connect("c")
        try harness.redrive(job)
        harness.workOff(on: workers + [third], mistakes: [workers[0]: "!"])
        #expect(harness.state(job) == .done)
        #expect(harness.image(job)?.result == .named("1.0/whole.payload", 100))
        #expect(harness.quarantined == [workers[0]])
    }

    // MARK: Results that are done

    /// A job without audits, done by the first worker with mistakes; then one with audits shows that worker to be faulty.
    func withFaultyHistory(
        window: Duration = .seconds(3_600), pause: Duration = .seconds(10)
    ) throws -> (SchedulerHarness, [WorkerID], JobID) {
        let harness = try SchedulerHarness(Self.configuration(window: window))
        var workers = [try harness.connect("a")]
        let job = try harness.submit(images: 3)
        harness.workOff(on: workers, mistakes: [workers[0]: "!"])
        #expect(harness.state(job) == .done)
        harness.wait(pause)
        workers += [try harness.connect("b"), try harness.connect("c")]
        try harness.submit(images: 6, audit: .all)
        harness.workOff(on: workers, mistakes: [workers[0]: "!"]) { !harness.quarantined.isEmpty }
        #expect(harness.quarantined == [workers[0]])
        return (harness, workers, job)
    }

    @Test func `what a faulty worker did before is withdrawn, computed again, and named where it was wrong`() throws {
        let (harness, workers, job) = try withFaultyHistory()
        #expect(harness.state(job) == .running, "nobody gets it now")
        let before = harness.image(job)
        #expect(before?.result == nil && before?.withdrawn == BlobReference.named("1.0/whole.payload!", 100).digest)
        #expect(harness.deleted.contains(BlobReference.named("1.0/whole.payload!", 100).digest))
        harness.workOff(on: workers)
        #expect(harness.state(job) == .done)
        for index in 0..<3 as Range<UInt32> {
            let image = harness.image(job, index)
            #expect(image?.result == .named("\(job).\(index)/whole.payload", 100))
            #expect(image?.replaced == BlobReference.named("\(job).\(index)/whole.payload!", 100).digest)
            #expect(image?.withdrawn == nil)
        }
        let counts = try #require(harness.summary(job)?.counts)
        #expect(counts.resultsWithdrawn == 3 && counts.resultsReplaced == 3 && counts.imagesDone == 3)
        #expect(counts.tasksDone == counts.tasksTotal && counts.pixelsDone == counts.pixelsTotal)
        #expect(harness.counters.resultsReplaced == 3)
    }

    @Test func `a result that was right all the same is as before`() throws {
        let harness = try SchedulerHarness(Self.configuration())
        var workers = [try harness.connect("a")]
        let job = try harness.submit()
        harness.workOff(on: workers)
        workers += [try harness.connect("b"), try harness.connect("c")]
        try harness.submit(images: 6, audit: .all)
        harness.workOff(on: workers, mistakes: [workers[0]: "!"]) { !harness.quarantined.isEmpty }
        harness.workOff(on: workers)
        let image = try #require(harness.image(job))
        #expect(image.state == .done && image.replaced == nil && image.withdrawn == nil)
        #expect(harness.summary(job)?.counts.resultsWithdrawn == 1)
        #expect(harness.summary(job)?.counts.resultsReplaced == 0)
    }

    @Test func `inputs are kept for as long as results can be withdrawn, and not longer`() throws {
        let harness = try SchedulerHarness(Self.configuration(window: .seconds(60)))
        let worker = try harness.connect()
        let job = try harness.submit(images: 2)
        harness.workOff(on: [worker])
        harness.wait(.seconds(55))
        #expect(harness.isNeeded(.named("\(job).0.input")))
        harness.wait(.seconds(15))
        #expect(!harness.isNeeded(.named("\(job).0.input")))
        #expect(harness.deleted.contains(BlobReference.named("\(job).1.input").digest))
        #expect(harness.journal.filter { $0.kind == .resultsSettled } == [.resultsSettled(job, count: 2)])
        #expect(harness.isNeeded(.named("1.0/whole.payload", 100)), "the results stay")

        let next = try harness.submit()
        harness.workOff(on: [worker])
        try harness.forget(next)
        #expect(harness.deleted.contains(BlobReference.named("\(next).0.input").digest))
    }

    @Test func `an input whose result two workers agree on is not kept`() throws {
        let (harness, workers) = try Self.cluster(2)
        let job = try harness.submit(audit: .all)
        harness.workOff(on: workers)
        #expect(harness.state(job) == .done)
        #expect(!harness.isNeeded(.named("\(job).0.input")))
    }

    @Test func `a result beyond the window stays`() throws {
        let (harness, workers, job) = try withFaultyHistory(window: .seconds(60), pause: .seconds(90))
        harness.workOff(on: workers)
        #expect(harness.image(job)?.result == .named("1.0/whole.payload!", 100))
        #expect(harness.summary(job)?.counts.resultsWithdrawn == 0)
    }

    @Test(arguments: [false, true])
    func `kept results that answered others go with the one that they are of`(isForgotten: Bool) throws {
        let harness = try SchedulerHarness(Self.configuration())
        var workers = [try harness.connect("a")]
        let job = try harness.submit()
        harness.workOff(on: workers, mistakes: [workers[0]: "!"])
        let copy = try harness.submit(images: 0, sealed: false)
        let geometry = ImageGeometry(width: 10, height: 8, channelCount: 1, bitsPerSample: 8)
        try harness.add(
            [
                ImageOffer(
                    name: "the same", input: .named("\(job).0.input"), admission: .accepted(geometry),
                    cachedResult: harness.image(job)?.result)
            ], to: copy)
        #expect(harness.image(copy)?.isFromCache == true)
        if isForgotten { try harness.forget(job) }
        workers += [try harness.connect("b"), try harness.connect("c")]
        try harness.submit(images: 6, audit: .all)
        harness.workOff(on: workers, mistakes: [workers[0]: "!"]) { !harness.quarantined.isEmpty }
        #expect(harness.image(copy)?.result == nil)
        try harness.seal(copy)
        harness.workOff(on: workers)
        #expect(harness.state(copy) == .done)
        #expect(harness.image(copy)?.result == .named("\(copy).0/whole.payload", 100))
        #expect(harness.image(copy)?.isFromCache == false)
        try harness.restart()
        try harness.forget(copy)
        #expect(harness.scheduler.ledger.inheritedAuthors.isEmpty)
    }

    @Test func `what a cancelled job had done is withdrawn and not computed again`() throws {
        let harness = try SchedulerHarness(Self.configuration())
        var workers = [try harness.connect("a")]
        let job = try harness.submit(images: 2)
        try finish(harness, on: workers[0], mistake: "!")
        try harness.cancel(job)
        workers += [try harness.connect("b"), try harness.connect("c")]
        try harness.submit(images: 6, audit: .all)
        harness.workOff(on: workers, mistakes: [workers[0]: "!"]) { !harness.quarantined.isEmpty }
        harness.workOff(on: workers)
        #expect(harness.state(job) == .cancelled)
        #expect(harness.image(job)?.state == .cancelled && harness.image(job)?.result == nil)
        #expect(!harness.isNeeded(.named("\(job).0.input")))
    }

    @Test func `a file put together of what was withdrawn is not taken`() throws {
        let harness = try SchedulerHarness(Self.configuration())
        var workers = [try harness.connect("a", slots: 4)]
        let job = try harness.submit("rows", rows: 8)
        let image = ImageID(job: job, index: 0)
        harness.workOff(on: workers, mistakes: [workers[0]: "!"]) { harness.assemblies[image] != nil }
        let stale = try #require(harness.assemblies[image])
        workers += [try harness.connect("b"), try harness.connect("c")]
        try harness.submit(images: 6, audit: .all)
        harness.workOffKeepingAssemblies(on: workers, mistakes: [workers[0]: "!"])
        let fresh = try #require(harness.assemblies[image])
        #expect(fresh.run != stale.run)
        #expect(fresh.parts.map(\.segment) == (0..<2).map { .named("\(image)/chunk-0-\($0).payload", 100) })
        harness.perform { $0.imageAssembled(image, result: .named("stale"), run: stale.run, at: $1, into: &$2) }
        #expect(harness.image(job)?.result == nil)
        harness.perform { $0.imageAssembled(image, result: .named("fresh"), run: fresh.run, at: $1, into: &$2) }
        #expect(harness.image(job)?.result == .named("fresh"))
    }

    // MARK: Order

    @Test func `audits wait for an idle slot, and not longer than the delay`() throws {
        let (harness, workers) = try Self.cluster(2)
        try harness.submit(images: 400, by: "ann")
        let job = try harness.submit(images: 1, by: "bob", audit: .all)
        let image = ImageID(job: job, index: 0)
        func audited() -> Bool {
            harness.leasesEverGranted.contains { $0.task.image == image && $0.attempt == 2 }
        }
        // Both slots stay busy: each task takes half a second.
        var waited = Duration.zero
        while !audited(), waited < .seconds(60) {
            for worker in workers {
                if let lease = harness.leases(of: worker).first { harness.finish(lease, on: worker) }
            }
            harness.wait(.milliseconds(500))
            waited = waited + .milliseconds(500)
        }
        #expect(audited())
        #expect(waited > .seconds(5), "ordinary work goes first")
        #expect(waited < .seconds(12), "but not for ever: \(waited)")
    }

    @Test func `an audit that runs when the master restarts continues`() throws {
        let (harness, workers) = try Self.cluster(2)
        let job = try harness.submit(audit: .all)
        let first = try #require(holder(harness, workers))
        try finish(harness, on: first)
        let second = try #require(holder(harness, workers))
        let audit = harness.leases(of: second)
        try harness.restart()
        try harness.connect("x", as: first)
        try harness.connect("y", as: second, holding: audit)
        #expect(harness.leases(of: second) == audit)
        harness.workOff(on: [first, second])
        #expect(harness.state(job) == .done)
        #expect(harness.summary(job)?.counts.tasksAudited == 1)
    }

    @Test func `an audit that waits when the master restarts is made after it`() throws {
        let (harness, workers) = try Self.cluster(1)
        let job = try harness.submit(audit: .all)
        try finish(harness, on: workers[0])
        try harness.restart()
        try harness.connect("a", as: workers[0])
        let second = try harness.connect("b")
        harness.workOff(on: [second])
        #expect(harness.state(job) == .done)
    }

    @Test func `a job that is audited as a whole takes no kept results`() throws {
        let harness = try SchedulerHarness(Self.configuration())
        let job = try harness.submit(images: 0, audit: .all, sealed: false)
        #expect(harness.summary(job)?.description.options.mayUseCache == false)
    }

    @Test(arguments: UInt64(1)...40)
    func `no other worker than the faulty one is quarantined, and all results are right`(
        seed: UInt64
    ) throws {
        var random = Draw(seed: seed)
        let count = random.next(3...6)
        let (harness, workers) = try Self.cluster(count)
        let faulty = workers[random.next(0...(count - 1))]
        let pipelines = ["whole", "rows", "shared", "own", "columns"]
        let jobs = try (0..<3).map { _ in
            try harness.submit(pipelines[random.next(0...4)], images: random.next(1...4), rows: 16, audit: .all)
        }
        var mistakes = 0
        for _ in 0..<20_000 where jobs.contains(where: { harness.state($0) != .done }) {
            for image in harness.assemblies.keys.sorted() { harness.assemble(image) }
            let busy = workers.filter { !harness.leases(of: $0).isEmpty }
            guard !busy.isEmpty else {
                harness.wait(.seconds(1))
                continue
            }
            let worker = busy[random.next(0...(busy.count - 1))]
            let isWrong = worker == faulty && random.next(0...3) == 0
            if isWrong { mistakes += 1 }
            harness.finish(harness.leases(of: worker)[0], on: worker, mistake: isWrong ? "!\(mistakes)" : "")
        }
        for job in jobs { #expect(harness.state(job) == .done) }
        #expect(harness.quarantined.subtracting([faulty]).isEmpty)
        #expect(harness.quarantined.isEmpty == (mistakes == 0))
    }
}

/// A generator of its own, to draw the same everywhere: a linear congruence by Knuth.
private struct Draw {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next(_ range: ClosedRange<Int>) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return range.lowerBound + Int((state >> 33) % UInt64(range.count))
    }
}
