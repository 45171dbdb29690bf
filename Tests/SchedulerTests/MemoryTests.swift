import Pipelines
import JobModel
import Testing

@testable import Scheduler

/// Workers with too little memory: placed elsewhere, planned again in smaller chunks, or given up with need and have.
///
/// With the real plans: 16-megapixel images of 3 bytes per pixel, in chunks of 16 MiB unless a test says otherwise.
@Suite struct MemoryTests {
    private static let mebibyte: UInt64 = 1 << 20
    private static let geometry = ImageGeometry(width: 4_000, height: 4_000, channelCount: 3, bitsPerSample: 8)

    private func harness() throws -> SchedulerHarness { try SchedulerHarness(planner: CatalogueImagePlanner()) }

    @discardableResult
    private func submit(
        to harness: SchedulerHarness, _ pipeline: String = "gaussian-blur sigma=3", encodedByteCount: UInt64 = 1 << 20,
        needsWholeImage: Bool = false
    ) throws -> JobID {
        let job = try harness.submit(pipeline, images: 0, sealed: false)
        let offer = ImageOffer(
            name: "large.png", input: .named("large", encodedByteCount),
            admission: .accepted(Self.geometry, needsWholeImage: needsWholeImage))
        try harness.add([offer], to: job)
        try harness.seal(job)
        return job
    }

    /// Completes the job, with time between: tasks that wait for the only large worker are considered once per second.
    private func workOff(_ job: JobID, on workers: [WorkerID], in harness: SchedulerHarness) throws {
        for _ in 0..<20 where harness.state(job)?.isFinal != true {
            harness.workOff(on: workers)
            harness.wait(.seconds(1))
        }
        #expect(harness.state(job) == .done)
    }

    /// Every grant so far fits its worker.
    private func expectAllFit(_ harness: SchedulerHarness, _ worker: WorkerID, _ memory: UInt64) throws {
        for grant in harness.held[worker] ?? [] {
            let plan = try #require(harness.scheduler.ledger.progress(of: grant.lease.task.image)?.plan)
            let task = try #require(plan.task(at: grant.lease.task.step))
            #expect(plan.memoryByteCount(of: task, encodedByteCount: 1 << 20) <= memory, "\(grant.lease)")
        }
    }

    @Test func `with enough memory, or when workers do not say, the plan is that of the options`() throws {
        for memory: UInt64? in [nil, 256 * Self.mebibyte] {
            let harness = try harness()
            let job = try submit(to: harness)
            let worker = try harness.connect(slots: 8, memory: memory)
            #expect(harness.counters.imagesReplanned == 0)
            #expect(harness.summary(job)?.counts.tasksTotal == 4, "decode, and three chunks of 16 MiB")
            harness.workOff(on: [worker])
            #expect(harness.state(job) == .done)
        }
    }

    /// The decoded image has 46 MiB: to decode it takes twice as much, the file, and 64 MiB for a world's programs.
    @Test func `a file that is decoded as a whole goes to a worker with the memory for that`() throws {
        let alone = try self.harness()
        let only = try alone.connect("small", slots: 1, memory: 140 * Self.mebibyte)
        try submit(to: alone)
        #expect(alone.steps(of: only) == [.decode], "row by row, two bands are all that it takes")

        let harness = try self.harness()
        let small = try harness.connect("small", slots: 4, memory: 140 * Self.mebibyte)
        let large = try harness.connect("large", slots: 1, memory: 256 * Self.mebibyte)
        let job = try submit(to: harness, needsWholeImage: true)
        #expect(harness.steps(of: large) == [.decode])
        #expect(harness.leases(of: small).isEmpty, "it has more room, but not the memory")
        try workOff(job, on: [small, large], in: harness)
        #expect(harness.counters.imagesReplanned == 0)
    }

    @Test func `smaller chunks do not help a file that is decoded as a whole`() throws {
        let harness = try harness()
        try harness.connect(slots: 1, memory: 140 * Self.mebibyte)
        let job = try submit(to: harness, needsWholeImage: true)
        #expect(harness.state(job) == .failed)
        #expect(harness.counters.imagesReplanned == 0)
    }

    @Test func `when no worker has the memory, the image is planned in smaller chunks`() throws {
        let harness = try harness()
        let job = try submit(to: harness)
        let worker = try harness.connect(slots: 2, memory: 96 * Self.mebibyte)
        #expect(harness.counters.imagesReplanned == 1)
        guard case .imageReplanned(_, let chunkByteCount) = harness.journal.first(where: { $0.kind == .imageReplanned })
        else {
            Issue.record("no new plan was recorded")
            return
        }
        #expect(
            chunkByteCount == 4 * Self.mebibyte, "the largest that fit: 64 MiB, and four times 4 MiB with their halos")
        #expect(
            harness.held[worker]?.first?.spec.chunkByteCount == chunkByteCount, "the ranks plan as the scheduler does")
        #expect(harness.summary(job)?.counts.tasksTotal == 13)
        while let lease = harness.leases(of: worker).first {
            try expectAllFit(harness, worker, 96 * Self.mebibyte)
            harness.finish(lease, on: worker)
        }
        harness.workOff(on: [worker])
        #expect(harness.state(job) == .done)
        #expect(harness.summary(job)?.counts.tasksDone == 13)
    }

    @Test func `large tasks go to the workers that have the memory, small ones to all`() throws {
        let harness = try harness()
        let small = try harness.connect("small", slots: 4, memory: 96 * Self.mebibyte)
        let large = try harness.connect("large", slots: 1, memory: 512 * Self.mebibyte)
        let job = try submit(to: harness)
        #expect(harness.steps(of: large) == [.decode], "the small one has more room, but not the memory")
        harness.finish(harness.leases(of: large)[0], on: large)
        harness.wait(.seconds(2))
        #expect(harness.leases(of: small).isEmpty)
        #expect(harness.leases(of: large).count == 2)
        try harness.submit("invert", images: 3)
        #expect(harness.leases(of: small).count == 3, "tasks that wait for the large one hold up no other")
        try workOff(job, on: [small, large], in: harness)
        #expect(harness.counters.imagesReplanned == 0)
    }

    @Test func `a running image starts over in smaller chunks when the only large worker does not come back`() throws {
        let harness = try harness()
        let small = try harness.connect("small", slots: 1, memory: 96 * Self.mebibyte)
        let large = try harness.connect("large", slots: 1, memory: 512 * Self.mebibyte)
        let job = try submit(to: harness)
        harness.finish(harness.leases(of: large)[0], on: large)
        let late = harness.leases(of: large)[0]
        #expect(late.task.step == .chunk(stage: 0, index: 0))
        harness.disconnect(large)
        harness.wait(.seconds(2))
        #expect(harness.counters.imagesReplanned == 0, "it may come back")
        harness.wait(.seconds(8))
        #expect(harness.counters.imagesReplanned == 1)
        #expect(harness.steps(of: small) == [.decode])
        // The same name, another part of the image: what the large one had computed does not count any more.
        harness.finish(harness.leases(of: small)[0], on: small)
        let done = harness.summary(job)?.counts.tasksDone
        harness.finish(late, on: large)
        #expect(harness.summary(job)?.counts.tasksDone == done)
        #expect(harness.counters.lateResults == 1)
        harness.workOff(on: [small])
        #expect(harness.state(job) == .done)
    }

    @Test func `an image that smaller chunks cannot help is dead-lettered with need and have, and can be redriven`()
        throws
    {
        let harness = try harness()
        let worker = try harness.connect(memory: 96 * Self.mebibyte)
        // The file alone fills the memory.
        let job = try submit(to: harness, encodedByteCount: 200 * Self.mebibyte)
        let image = ImageID(job: job, index: 0)
        let reason = try #require(harness.dead(image)?.failure.reason)
        #expect(reason.contains("\(96 * Self.mebibyte)") && reason.contains("--memory"), "\(reason)")
        #expect(harness.state(job) == .failed)
        #expect(harness.leases(of: worker).isEmpty)

        let large = try harness.connect(memory: 512 * Self.mebibyte)
        try harness.redrive(job)
        #expect(harness.steps(of: large) == [.decode])
        try workOff(job, on: [large], in: harness)
    }

    @Test func `a new plan survives the master`() throws {
        let harness = try harness()
        let job = try submit(to: harness)
        let worker = try harness.connect(slots: 2, memory: 96 * Self.mebibyte)
        harness.finish(harness.leases(of: worker)[0], on: worker)
        try harness.restart()
        let again = try harness.connect(slots: 2, memory: 96 * Self.mebibyte)
        harness.wait(.seconds(20))
        harness.workOff(on: [again])
        #expect(harness.state(job) == .done)
        #expect(harness.counters.imagesReplanned == 0, "it was planned once")
        #expect(harness.summary(job)?.counts.tasksTotal == 13)
    }

    @Test func `many tasks that wait for memory do not cost each event their number`() throws {
        let harness = try harness()
        harness.checksReplay = false
        try harness.connect("small", slots: 100, memory: 96 * Self.mebibyte)
        let large = try harness.connect("large", slots: 1, memory: 512 * Self.mebibyte)
        let job = try harness.submit("gaussian-blur sigma=3", images: 0, sealed: false)
        let offers = (0..<10_000).map {
            ImageOffer(name: "\($0)", input: .named("\($0)", 1 << 20), admission: .accepted(Self.geometry))
        }
        try harness.add(offers, to: job)
        #expect(harness.counters.tasksReady >= 10_000 - 2 - 64)
        harness.finish(harness.leases(of: large)[0], on: large)
        #expect(harness.leases(of: large).count == 2, "the large one is kept busy all the same")
    }
}
