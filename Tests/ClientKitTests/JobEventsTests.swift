import ClientKit
import JobModel
import MasterClient
import TestBasics
import Testing

@Suite struct JobEventsTests {
    /// A complete job 17 with images of the names given; one whose name begins with `-` waits until the test ends it.
    private func master(_ names: [String]) async throws -> ModelMaster {
        let input = Array("input".utf8)
        let blob = BlobReference(to: input)
        let master = ModelMaster { state in
            state.blobs[blob.digest] = input
            state.work = { name, _ in name.hasPrefix("-") ? nil : .result(Array(name.utf8)) }
        }
        let job = try await master.openJob(JobRequest(pipeline: "invert", submitter: "test")).job
        try await master.addImages(names.map { NewImage(name: $0, input: blob) }, to: job, firstIndex: 0)
        try await master.sealJob(job, imageCount: UInt32(names.count))
        return master
    }

    /// What the events of job 17 are about, in their order; `heard` is told of each.
    private func follow(
        _ master: ModelMaster, includingImages: Bool = true, heard: @escaping @Sendable (JobEvent) -> Void = { _ in }
    ) async throws -> [String] {
        try await TestSession.with(master) { test in
            var texts: [String] = []
            for try await event in test.session.events(of: JobID(17), includingImages: includingImages) {
                switch event {
                case .imageEnded(let image): texts.append(image.name)
                case .changed(let summary): texts.append("\(summary.state) \(summary.imagesEnded)")
                case .ended(let summary): texts.append("\(summary.state) \(summary.imagesEnded)")
                }
                heard(event)
            }
            return texts
        }
    }

    @Test func `a job that has ended tells its images, then its end`() async throws {
        let texts = try await follow(try await master(["a", "b", "c", "d"]))
        #expect(texts == ["a", "b", "c", "d", "done 4"])
    }

    @Test func `summaries alone cost no request for images`() async throws {
        let master = try await master(["a", "b"])
        #expect(try await follow(master, includingImages: false) == ["done 2"])
        #expect(!master.calls.contains("images"))
    }

    @Test func `images are told as they end, each once`() async throws {
        let master = try await master(["a", "-x", "-y", "b"])
        let texts = try await follow(master) { event in
            guard case .changed(let summary) = event else { return }
            master.finish(17, image: summary.imagesEnded == 2 ? 2 : 1, with: .result([1]))
        }
        #expect(texts == ["a", "b", "running 2", "-y", "running 3", "-x", "done 4"])
    }

    @Test(arguments: [ModelMaster.Break.before("watch"), .before("images"), .after("images")])
    func `a lost connection repeats no image and skips none`(loss: ModelMaster.Break) async throws {
        let master = try await master(["a", "b", "c", "d", "e"])
        master.state.withLock { $0.breaks = [loss] }
        #expect(try await follow(master) == ["a", "b", "c", "d", "e", "done 5"])
    }

    @Test func `a subscription that is lost is made again`() async throws {
        let master = try await master(["a", "-x"])
        let texts = try await follow(master) { event in
            guard case .changed = event else { return }
            master.loseWatchers()
            master.finish(17, image: 1, with: .result([1]))
        }
        #expect(texts == ["a", "running 1", "-x", "done 2"])
        #expect(master.calls.count { $0 == "watch" } == 2)
    }

    @Test func `an iteration that is left stops watching`() async throws {
        let master = try await master(["-x"])
        try await TestSession.with(master) { test in
            for try await _ in test.session.events(of: JobID(17)) { break }
        }
        #expect(master.state.withLock { $0.endedWatches } == 1)
    }

    @Test func `a cancelled follower says so`() async throws {
        let master = try await master(["-x"])
        await #expect(throws: CancellationError.self) {
            try await TestSession.with(master) { test in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    let begun = AsyncStream.makeStream(of: Void.self)
                    group.addTask {
                        for try await _ in test.session.events(of: JobID(17)) { begun.continuation.yield() }
                    }
                    for await _ in begun.stream { break }
                    group.cancelAll()
                    try await group.waitForAll()
                }
            }
        }
    }

    @Test func `a refusal ends the events`() async throws {
        await #expect(throws: MasterRefusal.self) { _ = try await follow(ModelMaster()) }
    }

    @Test func `an image is waited for without the others`() async throws {
        let master = try await master(["-x", "-y"])
        try await TestSession.with(master) { test in
            let (image, job) = try await test.session.wait(for: ImageID(job: JobID(17), index: 1)) { summary in
                if summary.imagesEnded == 0 { master.finish(17, image: 1, with: .result([1])) }
            }
            #expect(image.state == .done)
            #expect(job.state == .running)
        }
    }
}
