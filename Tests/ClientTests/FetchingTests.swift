import JobModel
import MasterClient
import Protocol
import Synchronization
import Testing

@testable import Client

@Suite struct FetchingTests {
    /// A job with images of the names given, whose results are their names in capitals.
    private func master(_ names: [String], isSealed: Bool = true) async throws -> ModelMaster {
        let master = ModelMaster()
        let input = Array("input".utf8)
        let blob = TestFiles.reference(to: input)
        master.state.withLock { state in
            state.blobs[blob.digest] = input
            state.work = { name, _ in
                switch name.first {
                case "-": nil
                case "!": .failure(Failure(.corruptInput, "not an image"))
                default: .result(Array(name.uppercased().utf8))
                }
            }
        }
        let job = try await master.openJob(WireOpenJob()).job
        try await master.addImages(names.map { ($0, blob) }, to: job, firstIndex: 0)
        if isSealed { try await master.sealJob(job, imageCount: UInt32(names.count)) }
        return master
    }

    /// Follows job 17 into `directory`.
    private func fetch(
        _ master: ModelMaster, into directory: String,
        finished: @escaping @Sendable (WireImageStatus) -> Void = { _ in }
    ) async throws -> (summary: WireJobSummary, fetched: Int, failures: [WireImageStatus]) {
        try await TestSession.with(master) { test in
            var register = OutputNameRegister()
            var fetching = Fetching(session: test.session) { image in
                .file(directory + "/" + register.claim(image.name, index: image.index))
            } finished: { image, _ in
                finished(image)
            }
            let follower = JobFollower(session: test.session, progress: test.progress)
            let summary = try await fetching.follow(JobID(17), with: follower)
            return (summary, fetching.fetchedCount, fetching.failures)
        }
    }

    @Test func `every result is written under its input's base name`() async throws {
        try await TestFiles.withDirectory { directory in
            let result = try await fetch(try await master((0..<8).map { "in/\($0).jpg" }), into: directory)
            #expect(result.summary.state == "done")
            #expect(result.fetched == 8)
            #expect(try TestFiles.names(in: directory) == (0..<8).map { "\($0).png" })
            #expect(try TestFiles.read(directory + "/5.png") == "IN/5.JPG")
        }
    }

    @Test func `results are fetched before the job has ended`() async throws {
        try await TestFiles.withDirectory { directory in
            let master = try await master(["a", "-slow", "b"])
            let result = try await fetch(master, into: directory) { image in
                // The slow image is finished by the arrival of the last of the others.
                if image.name == "b" { master.finish(17, image: 1, with: .result([83])) }
            }
            #expect(result.fetched == 3)
            #expect(try TestFiles.names(in: directory) == ["-slow.png", "a.png", "b.png"])
        }
    }

    @Test func `failed images are reported and leave no file`() async throws {
        try await TestFiles.withDirectory { directory in
            let result = try await fetch(try await master(["a", "!bad", "c", "d"]), into: directory)
            #expect(result.summary.state == "partly-failed")
            #expect(result.failures.map(\.name) == ["!bad"])
            #expect(result.failures.first?.failure.code == "corrupt-input")
            #expect(try TestFiles.names(in: directory) == ["a.png", "c.png", "d.png"])
        }
    }

    @Test(arguments: [
        ModelMaster.Break.before("watch"), .before("images"), .after("images"), .before("getBlob"), .after("getBlob"),
    ])
    func `a connection lost while fetching loses no result`(loss: ModelMaster.Break) async throws {
        try await TestFiles.withDirectory { directory in
            let master = try await master(["a", "b", "c", "d", "e"])
            master.state.withLock { $0.breaks = [loss] }
            let result = try await fetch(master, into: directory)
            #expect(result.fetched == 5)
            #expect(try TestFiles.names(in: directory) == ["a.png", "b.png", "c.png", "d.png", "e.png"])
            #expect(try TestFiles.read(directory + "/e.png") == "E")
        }
    }

    @Test func `a watch that breaks off goes on over a new connection`() async throws {
        try await TestFiles.withDirectory { directory in
            let master = try await master(["a", "-slow"])
            let result = try await fetch(master, into: directory) { image in
                guard image.name == "a" else { return }
                master.loseWatchers()
                master.finish(17, image: 1, with: .result([83]))
            }
            #expect(result.fetched == 2)
            #expect(master.calls.count { $0 == "watch" } == 2)
        }
    }

    @Test func `a result that can not be fetched leaves no file behind`() async throws {
        try await TestFiles.withDirectory { directory in
            let master = try await master(["a"])
            master.state.withLock { state in
                state.refusals["getBlob"] = [MasterRefusal(.notFound, "the blob is gone")]
            }
            let error = await #expect(throws: MasterRefusal.self) { _ = try await fetch(master, into: directory) }
            #expect(error?.code == .notFound)
            #expect(try TestFiles.names(in: directory) == [])
        }
    }
}
