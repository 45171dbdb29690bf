import Pipelines
import JobModel
import Testing

@testable import Scheduler

/// Workers with too little memory: placed elsewhere, planned anew in smaller chunks, or given up with need and have.
///
/// With the real plans: 16-megapixel images of 3 bytes a pixel, in chunks of 16 MiB unless a test says otherwise.
@Suite struct MemoryTests {
    private static let mebibyte: UInt64 = 1 << 20
    private static let geometry = ImageGeometry(width: 4_000, height: 4_000, channelCount: 3, bitsPerSample: 8)

    private func play() throws -> Rehearsal { try Rehearsal(planner: CatalogueImagePlanner()) }

    private func submit(
        to play: Rehearsal, _ pipeline: String = "gaussian-blur sigma=3", encodedByteCount: UInt64 = 1 << 20
    ) throws -> JobID {
        let job = try play.submit(pipeline, images: 0, sealed: false)
        let offer = ImageOffer(
            name: "large.png", input: .named("large", encodedByteCount), admission: .accepted(Self.geometry))
        try play.add([offer], to: job)
        try play.seal(job)
        return job
    }

    /// Works the job off, with time between: what waits for the only large worker is looked at once a second.
    private func workOff(_ job: JobID, on workers: [WorkerID], in play: Rehearsal) throws {
        for _ in 0..<20 where play.state(job)?.isFinal != true {
            play.workOff(on: workers)
            play.wait(.seconds(1))
        }
        #expect(play.state(job) == .done)
    }

    /// Every grant so far fits its worker.
    private func expectAllFit(_ play: Rehearsal, _ worker: WorkerID, _ memory: UInt64) throws {
        for grant in play.held[worker] ?? [] {
            let plan = try #require(play.scheduler.ledger.progress(of: grant.lease.task.image)?.plan)
            let task = try #require(plan.task(at: grant.lease.task.step))
            #expect(plan.memoryByteCount(of: task, encodedByteCount: 1 << 20) <= memory, "\(grant.lease)")
        }
    }

    @Test func `with enough memory, or when workers do not say, the plan is that of the options`() throws {
        for memory: UInt64? in [nil, 256 * Self.mebibyte] {
            let play = try play()
            let job = try submit(to: play)
            let worker = try play.connect(slots: 8, memory: memory)
            #expect(play.counters.imagesReplanned == 0)
            #expect(play.summary(job)?.counts.tasksTotal == 4, "decode, and three chunks of 16 MiB")
            play.workOff(on: [worker])
            #expect(play.state(job) == .done)
        }
    }

    @Test func `when no worker has the memory, the image is planned in smaller chunks`() throws {
        let play = try play()
        let job = try submit(to: play)
        let worker = try play.connect(slots: 2, memory: 96 * Self.mebibyte)
        #expect(play.counters.imagesReplanned == 1)
        guard case .imageReplanned(_, let chunkByteCount) = play.journal.first(where: { $0.kind == .imageReplanned })
        else {
            Issue.record("no new plan was recorded")
            return
        }
        #expect(
            chunkByteCount == 4 * Self.mebibyte, "the largest that fit: 64 MiB, and four times 4 MiB with their halos")
        #expect(play.held[worker]?.first?.spec.chunkByteCount == chunkByteCount, "the ranks plan as the scheduler does")
        #expect(play.summary(job)?.counts.tasksTotal == 13)
        while let lease = play.leases(of: worker).first {
            try expectAllFit(play, worker, 96 * Self.mebibyte)
            play.finish(lease, on: worker)
        }
        play.workOff(on: [worker])
        #expect(play.state(job) == .done)
        #expect(play.summary(job)?.counts.tasksDone == 13)
    }

    @Test func `large tasks go to the workers that have the memory, small ones to all`() throws {
        let play = try play()
        let small = try play.connect("small", slots: 4, memory: 96 * Self.mebibyte)
        let large = try play.connect("large", slots: 1, memory: 512 * Self.mebibyte)
        let job = try submit(to: play)
        #expect(play.steps(of: large) == [.decode], "the small one has more room, but not the memory")
        play.finish(play.leases(of: large)[0], on: large)
        play.wait(.seconds(2))
        #expect(play.leases(of: small).isEmpty)
        #expect(play.leases(of: large).count == 2)
        try play.submit("invert", images: 3)
        #expect(play.leases(of: small).count == 3, "what waits for the large one is in nobody's way")
        try workOff(job, on: [small, large], in: play)
        #expect(play.counters.imagesReplanned == 0)
    }

    @Test func `a running image starts over in smaller chunks when the only large worker is gone for good`() throws {
        let play = try play()
        let small = try play.connect("small", slots: 1, memory: 96 * Self.mebibyte)
        let large = try play.connect("large", slots: 1, memory: 512 * Self.mebibyte)
        let job = try submit(to: play)
        play.finish(play.leases(of: large)[0], on: large)
        let late = play.leases(of: large)[0]
        #expect(late.task.step == .chunk(stage: 0, index: 0))
        play.disconnect(large)
        play.wait(.seconds(2))
        #expect(play.counters.imagesReplanned == 0, "it may come back")
        play.wait(.seconds(8))
        #expect(play.counters.imagesReplanned == 1)
        #expect(play.steps(of: small) == [.decode])
        // The same name, another part of the image: what the large one had computed does not count any more.
        play.finish(play.leases(of: small)[0], on: small)
        let done = play.summary(job)?.counts.tasksDone
        play.finish(late, on: large)
        #expect(play.summary(job)?.counts.tasksDone == done)
        #expect(play.counters.lateResults == 1)
        play.workOff(on: [small])
        #expect(play.state(job) == .done)
    }

    @Test func `what smaller chunks can not help is dead-lettered with need and have, and can be redriven`() throws {
        let play = try play()
        let worker = try play.connect(memory: 96 * Self.mebibyte)
        // The file alone fills the memory.
        let job = try submit(to: play, encodedByteCount: 200 * Self.mebibyte)
        let image = ImageID(job: job, index: 0)
        let reason = try #require(play.dead(image)?.failure.reason)
        #expect(reason.contains("\(96 * Self.mebibyte)") && reason.contains("--memory"), "\(reason)")
        #expect(play.state(job) == .failed)
        #expect(play.leases(of: worker).isEmpty)

        let large = try play.connect(memory: 512 * Self.mebibyte)
        try play.redrive(job)
        #expect(play.steps(of: large) == [.decode])
        try workOff(job, on: [large], in: play)
    }

    @Test func `a new plan survives the master`() throws {
        let play = try play()
        let job = try submit(to: play)
        let worker = try play.connect(slots: 2, memory: 96 * Self.mebibyte)
        play.finish(play.leases(of: worker)[0], on: worker)
        try play.restart()
        let again = try play.connect(slots: 2, memory: 96 * Self.mebibyte)
        play.wait(.seconds(20))
        play.workOff(on: [again])
        #expect(play.state(job) == .done)
        #expect(play.counters.imagesReplanned == 0, "it was planned once")
        #expect(play.summary(job)?.counts.tasksTotal == 13)
    }

    @Test func `many tasks that wait for memory do not cost each event their number`() throws {
        let play = try play()
        play.checksReplay = false
        try play.connect("small", slots: 100, memory: 96 * Self.mebibyte)
        let large = try play.connect("large", slots: 1, memory: 512 * Self.mebibyte)
        let job = try play.submit("gaussian-blur sigma=3", images: 0, sealed: false)
        let offers = (0..<10_000).map {
            ImageOffer(name: "\($0)", input: .named("\($0)", 1 << 20), admission: .accepted(Self.geometry))
        }
        try play.add(offers, to: job)
        #expect(play.counters.tasksReady >= 10_000 - 2 - 64)
        play.finish(play.leases(of: large)[0], on: large)
        #expect(play.leases(of: large).count == 2, "the large one is kept busy all the same")
    }
}
