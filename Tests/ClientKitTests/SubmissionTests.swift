import JobModel
import MasterClient
import NIOCore
import Names
import TestBasics
import Testing

@testable import ClientKit

@Suite struct SubmissionTests {
    /// Files with the contents given, submitted to `master`.
    private func submit(
        _ contents: [String], to master: ModelMaster,
        interfere: (_ directory: String) throws -> Void = { _ in }
    ) async throws -> (outcome: Submission.Outcome, events: [SessionEvent], sources: Submission.ImageSources) {
        try await withTemporaryDirectory { directory in
            let paths = try contents.enumerated().map { index, text in
                let path = "\(directory)/\(index).png"
                try TestFiles.write(text, to: path)
                return path
            }
            let files = try paths.map { try InputFile(opening: $0) }
            try interfere(directory)
            return try await TestSession.with(master) { test in
                let submission = Submission(files, as: Self.request, session: test.session)
                let sources = Submission.ImageSources()
                let outcome = try await submission.run(sources: sources)
                return (outcome, test.events, sources)
            }
        }
    }

    private static let request = JobRequest(pipeline: "invert", submitter: "test", token: "token")

    private func names(_ master: ModelMaster, job: UInt64 = 17) -> [String] {
        (master.job(numbered: job)?.images ?? []).map { $0.name.split(separator: "/").last.map(String.init) ?? "" }
    }

    @Test func `a job gets its images in the order of the command line and is sealed`() async throws {
        let master = ModelMaster()
        let result = try await submit((0..<20).map { "image \($0)" }, to: master)
        #expect(result.outcome.job == JobID(17))
        #expect(names(master) == (0..<20).map { "\($0).png" })
        #expect(master.job(numbered: 17)?.state == .done)
        #expect(result.events.isEmpty)
    }

    @Test func `what the master has is not sent, and equal files are sent once`() async throws {
        let known = Array("known".utf8)
        let master = ModelMaster { $0.blobs[BlobReference(to: known).digest] = known }
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
        #expect(master.state.withLock { $0.mostPutsUnderWay } <= JobUpload.concurrentPutCount)
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
        #expect(result.events.count == 2)
        guard case .lost = result.events.first, case .recovered = result.events.last else {
            Issue.record("\(result.events)")
            return
        }
    }

    @Test func `an overloaded master is obeyed and told of once`() async throws {
        let busy = MasterRefusal(.overloaded, "1000 jobs wait", retryAfter: .seconds(2))
        let master = ModelMaster { $0.refusals = ["openJob": [busy, busy], "addImages": [busy]] }
        let result = try await submit(["a"], to: master)
        #expect(names(master) == ["0.png"])
        #expect(result.events == [.askedToWait(busy)])
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

    @Test func `a file that vanishes is complained about, and the others are submitted`() async throws {
        let master = ModelMaster()
        let result = try await submit(["a", "b", "c"], to: master) { directory in
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
            _ = try await submit(["a"], to: master) { directory in try TestFiles.remove("\(directory)/0.png") }
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
        let error = try await withTemporaryDirectory { directory in
            try TestFiles.write("a", to: "\(directory)/a.png")
            let files = [try InputFile(opening: "\(directory)/a.png")]
            let surroundings = MasterSession.Surroundings(
                now: { .zero },
                sleep: { _ in
                    reached.continuation.yield()
                    try await Task.sleep(for: .seconds(3600))
                })
            return await #expect(throws: SubmissionInterrupted.self) {
                try await MasterSession.with(
                    reconnectTimeout: .seconds(60), surroundings: surroundings, dial: { body in await body(master) }
                ) { session in
                    let submission = Submission(files, as: Self.request, session: session)
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask { _ = try await submission.run() }
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
        let described = error.map { ClientError($0) }
        #expect(described?.kind == .interrupted)
        #expect(described?.message.contains("job 17 was not complete and is cancelled") == true)
    }

    /// Cancels `body` when the master has declared the job complete and its reply is on its way; the reply comes after that.
    private static func cancelBeforeTheLastReply(
        _ master: ModelMaster, _ body: @escaping @Sendable (MasterSession) async throws -> Void
    ) async throws {
        let sealed = AsyncStream.makeStream(of: Void.self)
        let reply = AsyncStream.makeStream(of: Never.self)
        master.state.withLock {
            $0.replyToSeal = {
                sealed.continuation.yield()
                for await _ in reply.stream {}
            }
        }
        try await TestSession.with(master) { test in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await body(test.session) }
                for await _ in sealed.stream { break }
                group.cancelAll()
                reply.continuation.finish()
                try await group.waitForAll()
            }
        }
    }

    @Test(arguments: [1, 9])
    func `a job that is complete when its submission is interrupted continues`(imageCount: Int) async throws {
        let inputs = (0..<imageCount).map { MemoryInput(label: "\($0)", bytes: [UInt8($0)]) }
        let master = ModelMaster { $0.work = { _, _ in nil } }
        try await Self.cancelBeforeTheLastReply(master) { session in
            let outcome = try await Submission(inputs, as: Self.request, session: session).run()
            #expect(outcome.job == JobID(17))
        }
        #expect(master.job(numbered: 17)?.state == .running)
    }

    @Test(arguments: [1, 9])
    func `a run that is interrupted when its job is complete says that it continues`(imageCount: Int) async throws {
        let inputs = (0..<imageCount).map { MemoryInput(label: "\($0)", bytes: [UInt8($0)]) }
        let places = (0..<imageCount).map { ResultPlace.file(BytePath(text: "/nowhere/\($0).png")) }
        let master = ModelMaster { $0.work = { _, _ in nil } }
        await #expect(throws: WaitInterrupted(job: JobID(17))) {
            try await Self.cancelBeforeTheLastReply(master) { session in
                _ = try await JobRun(inputs, as: Self.request, into: places, session: session).run()
            }
        }
        #expect(master.job(numbered: 17)?.state == .running)
    }

    @Test func `a master that does not answer keeps nobody from leaving`() async throws {
        let sealed = AsyncStream.makeStream(of: Void.self)
        let never = AsyncStream.makeStream(of: Never.self)
        let master = ModelMaster {
            $0.replyToSeal = {
                sealed.continuation.yield()
                for await _ in never.stream {}
            }
        }
        let error = try await TestSession.with(master) { test in
            await #expect(throws: SubmissionInterrupted.self) {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        let input = MemoryInput(label: "a", bytes: [1])
                        _ = try await Submission([input], as: Self.request, session: test.session).run()
                    }
                    for await _ in sealed.stream { break }
                    group.cancelAll()
                    try await group.waitForAll()
                }
            }
        }
        #expect(error?.isJobCancelled == true)
        #expect(master.job(numbered: 17)?.state == .cancelled)
    }

    @Test func `a submission tells what it has done`() async throws {
        let master = ModelMaster()
        let recorded = Recorded<SubmissionEvent>()
        let inputs = (0..<9).map { MemoryInput(label: "\($0)", bytes: [UInt8($0)]) }
        try await TestSession.with(master) { test in
            _ = try await Submission(inputs, as: Self.request, session: test.session).run { recorded.append($0) }
        }
        let job = JobID(17)
        #expect(
            recorded.all == [
                .opened(job, imageCount: 9), .added(imageCount: 8, of: 9), .begun(job), .added(imageCount: 9, of: 9),
                .begun(job),
            ])
    }

    @Test func `an upload with the token of an earlier one adds only the images that are missing`() async throws {
        let master = ModelMaster()
        let inputs = (0..<3).map { MemoryInput(label: "\($0)", bytes: [UInt8($0)]) }
        let hashed = inputs.map { JobUpload.HashedInput($0, blob: $0.reference()) }
        try await TestSession.with(master) { test in
            let first = try await JobUpload(opening: Self.request, on: test.session)
            try await first.add(Array(hashed.prefix(2)), at: 0)
            // The client ends here; another one begins from the start.
            let second = try await JobUpload(opening: Self.request, on: test.session)
            #expect(second.opened == OpenedJob(job: JobID(17), imageCount: 2))
            try await second.add(hashed, at: 0)
            try await second.seal(imageCount: 3)
            try await JobUpload(opening: Self.request, on: test.session).seal(imageCount: 3)
        }
        #expect(names(master) == ["0", "1", "2"])
        #expect(master.job(numbered: 17)?.state == .done)
    }

    @Test func `one session submits for many people`() async throws {
        let master = ModelMaster()
        try await TestSession.with(master) { test in
            for name in ["ada", "grace"] {
                let request = JobRequest(pipeline: "invert", submitter: name)
                _ = try await Submission([MemoryInput(label: "a", bytes: [1])], as: request, session: test.session)
                    .run()
            }
        }
        #expect(master.job(numbered: 17)?.request.submitter == "ada")
        #expect(master.job(numbered: 18)?.request.submitter == "grace")
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
