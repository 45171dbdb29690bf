import JobModel
import MasterClient
import Protocol
import Testing

@testable import Client

@Suite struct SubmissionTests {
    /// Files with the contents given, submitted to `master`.
    private func submit(
        _ contents: [String], to master: ModelMaster,
        interfere: (_ directory: String, _ files: [InputFile]) throws -> Void = { _, _ in }
    ) async throws -> (outcome: Submission.Outcome, notes: String, sources: Submission.ImageSources) {
        try await TestFiles.withDirectory { directory in
            let paths = try contents.enumerated().map { index, text in
                let path = "\(directory)/\(index).png"
                try TestFiles.write(text, to: path)
                return path
            }
            let files = try InputFile.examine(paths).files
            try interfere(directory, files)
            return try await TestSession.with(master) { test in
                var request = WireOpenJob()
                request.token = "token"
                request.pipeline = "invert"
                let submission = Submission(
                    session: test.session, request: request, files: files, progress: test.progress)
                let sources = Submission.ImageSources()
                let outcome = try await submission.run(sources: sources) { _ in }
                return (outcome, test.notes.text, sources)
            }
        }
    }

    private func names(_ master: ModelMaster, job: UInt64 = 17) -> [String] {
        (master.job(numbered: job)?.images ?? []).map { $0.name.split(separator: "/").last.map(String.init) ?? "" }
    }

    @Test func `a job gets its images in the order of the command line and is sealed`() async throws {
        let master = ModelMaster()
        let result = try await submit((0..<20).map { "image \($0)" }, to: master)
        #expect(result.outcome.job == JobID(17))
        #expect(names(master) == (0..<20).map { "\($0).png" })
        #expect(master.job(numbered: 17)?.state == .done)
        #expect(result.notes.isEmpty)
    }

    @Test func `what the master has is not sent, and equal files are sent once`() async throws {
        let known = Array("known".utf8)
        let master = ModelMaster { $0.blobs[TestFiles.reference(to: known).digest] = known }
        _ = try await submit(["known", "new", "new", "known"], to: master)
        #expect(master.calls.count { $0 == "putBlob" } == 1)
        #expect(names(master).count == 4)
    }

    @Test func `images are added before all files are sent`() async throws {
        let master = ModelMaster()
        _ = try await submit((0..<20).map { "image \($0)" }, to: master)
        let firstAdd = try #require(master.calls.firstIndex(of: "addImages"))
        let lastPut = try #require(master.calls.lastIndex(of: "putBlob"))
        #expect(firstAdd < lastPut)
        #expect(master.job(numbered: 17)?.firstIndices == [0, 8])
        #expect(master.state.withLock { $0.mostPutsUnderWay } <= Submission.concurrentPutCount)
    }

    @Test(arguments: [
        ModelMaster.Break.before("openJob"), .after("openJob"), .before("findBlobs"), .before("putBlob"),
        .after("putBlob"), .before("addImages"), .after("addImages"), .before("sealJob"), .after("sealJob"),
    ])
    func `a connection lost anywhere leaves one job with each image once`(loss: ModelMaster.Break) async throws {
        let master = ModelMaster { $0.breaks = [loss] }
        let result = try await submit((0..<10).map { "image \($0)" }, to: master)
        #expect(master.state.withLock { $0.jobs.count } == 1)
        #expect(names(master) == (0..<10).map { "\($0).png" })
        #expect(master.job(numbered: 17)?.isSealed == true)
        #expect(result.notes.contains("the connection was reset; trying again for up to 1 min 00 s"))
        #expect(result.notes.contains("the master is back after"))
    }

    @Test func `an overloaded master is obeyed and told of once`() async throws {
        let busy = MasterRefusal(.overloaded, "1000 jobs wait", retryAfter: .seconds(2))
        let master = ModelMaster { $0.refusals = ["openJob": [busy, busy], "addImages": [busy]] }
        let result = try await submit(["a"], to: master)
        #expect(names(master) == ["0.png"])
        #expect(result.notes == "the master asks to wait (overloaded): 1000 jobs wait; waiting as long as it takes\n")
    }

    @Test func `a refusal that no wait helps ends the submission`() async throws {
        let refusal = MasterRefusal(.invalidPipeline, "no such operation")
        let master = ModelMaster { $0.refusals = ["openJob": [refusal]] }
        await #expect(throws: refusal) { _ = try await submit(["a"], to: master) }
    }

    @Test func `a blob that the master threw away is sent again`() async throws {
        let gone = MasterRefusal(.blobMissing, "gone")
        let master = ModelMaster { $0.refusals = ["addImages": [gone]] }
        _ = try await submit(["a"], to: master)
        #expect(names(master) == ["0.png"])
        #expect(master.calls.count { $0 == "findBlobs" } == 2)
    }

    @Test func `a file that vanishes is complained about and the others go on`() async throws {
        let master = ModelMaster()
        let result = try await submit(["a", "b", "c"], to: master) { directory, _ in
            try TestFiles.remove("\(directory)/1.png")
        }
        #expect(result.outcome.complaints.count == 1)
        #expect(result.outcome.complaints.first?.error.message.contains("1.png': No such file or directory") == true)
        #expect(names(master) == ["0.png", "2.png"])
        // The master's image 1 is the command line's file 2.
        #expect(result.sources.position(of: 1) == 2)
        #expect(result.sources.position(of: 2) == nil)
    }

    @Test func `a job whose files all vanish is cancelled`() async throws {
        let master = ModelMaster()
        let error = await #expect(throws: ClientError.self) {
            _ = try await submit(["a"], to: master) { directory, _ in try TestFiles.remove("\(directory)/0.png") }
        }
        #expect(error?.code == "no-input")
        #expect(master.job(numbered: 17)?.state == .cancelled)
    }

    @Test func `an interrupted submission cancels its job and says so`() async throws {
        let reached = AsyncStream.makeStream(of: Void.self)
        let master = ModelMaster { state in
            // The last request hangs until the command is cancelled.
            state.refusals = [
                "sealJob": [MasterRefusal(.overloaded, "wait", retryAfter: .seconds(1))]
            ]
        }
        let error = try await TestFiles.withDirectory { directory in
            try TestFiles.write("a", to: "\(directory)/a.png")
            let files = try InputFile.examine(["\(directory)/a.png"]).files
            let surroundings = MasterSession.Surroundings(
                now: { .zero },
                sleep: { _ in
                    reached.continuation.yield()
                    try await Task.sleep(for: .seconds(3600))
                }, note: { _ in })
            return await #expect(throws: SubmissionInterrupted.self) {
                try await MasterSession.with(
                    reconnectTimeout: .seconds(60), surroundings: surroundings, dial: { body in await body(master) }
                ) { session in
                    let silent = ProgressReporter(
                        console: Console(output: RecordingSink(), errors: RecordingSink(), isJSON: false), style: .none
                    ) { .zero }
                    let submission = Submission(
                        session: session, request: WireOpenJob(), files: files, progress: silent)
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask { _ = try await submission.run(sources: Submission.ImageSources()) { _ in } }
                        for await _ in reached.stream { break }
                        group.cancelAll()
                        try await group.waitForAll()
                    }
                }
            }
        }
        #expect(error?.job == JobID(17))
        #expect(error?.isJobCancelled == true)
        #expect(master.job(numbered: 17)?.state == .cancelled)
        let told = error.map { ClientError($0 as any Error) }
        #expect(told?.status == .interrupted)
        #expect(told?.message.contains("job 17 was not complete and is cancelled") == true)
    }

    @Test func `batches start small, grow to 256 images and end early when they are heavy`() {
        let light = Array(UploadBatches(byteCounts: Array(repeating: 1, count: 1000)))
        #expect(light.map(\.count) == [8, 16, 32, 64, 128, 256, 256, 240])
        #expect(light.first?.lowerBound == 0)
        #expect(zip(light, light.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })

        let limit = UploadBatches.maximumByteCount
        #expect(Array(UploadBatches(byteCounts: [limit, 1, 1, limit * 3, 1])).map(\.count) == [1, 2, 1, 1])
        #expect(Array(UploadBatches(byteCounts: [])).isEmpty)
    }
}
