import JobModel
import MasterClient
import Names
import Synchronization
import SystemCalls
import TestBasics
import Testing

@testable import ClientKit

@Suite struct FetchingTests {
    /// A job with images of the names given, whose results are their names in capitals.
    private func master(_ names: [String], isSealed: Bool = true) async throws -> ModelMaster {
        let master = ModelMaster()
        let input = Array("input".utf8)
        let blob = BlobReference(to: input)
        master.state.withLock { state in
            state.blobs[blob.digest] = input
            state.work = { name, _ in
                switch name.first {
                case "-": nil
                case "!": .failure(FailureReport(code: "corrupt-input", reason: "not an image"))
                default: .result(Array(name.uppercased().utf8))
                }
            }
        }
        let job = try await master.openJob(JobRequest(pipeline: "invert", submitter: "test")).job
        try await master.addImages(names.map { NewImage(name: $0, input: blob) }, to: job, firstIndex: 0)
        if isSealed { try await master.sealJob(job, imageCount: UInt32(names.count)) }
        return master
    }

    /// Follows job 17 into `directory`.
    private func fetch(
        _ master: ModelMaster, into directory: String,
        finished: @escaping @Sendable (ImageStatus) -> Void = { _ in }
    ) async throws -> (summary: JobSummary, fetched: Int, failures: [ImageStatus]) {
        try await TestSession.with(master) { test in
            var register = OutputNameRegister()
            var fetching = Fetching(session: test.session) { image in
                .entry(register.claim(image.name, index: image.index).file, of: BytePath(text: directory))
            } finished: { image, _ in
                finished(image)
            }
            let summary = try await fetching.follow(JobID(17))
            return (summary, fetching.fetchedCount, fetching.failures)
        }
    }

    @Test func `every result is written under its input's base name`() async throws {
        try await withTemporaryDirectory { directory in
            let result = try await fetch(try await master((0..<8).map { "in/\($0).jpg" }), into: directory)
            #expect(result.summary.state == .done)
            #expect(result.fetched == 8)
            #expect(try TestFiles.names(in: directory) == (0..<8).map { "\($0).png" })
            #expect(try TestFiles.read(directory + "/5.png") == "IN/5.JPG")
        }
    }

    @Test func `results are fetched before the job has ended`() async throws {
        try await withTemporaryDirectory { directory in
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
        try await withTemporaryDirectory { directory in
            let result = try await fetch(try await master(["a", "!bad", "c", "d"]), into: directory)
            #expect(result.summary.state == .partlyFailed)
            #expect(result.failures.map(\.name) == ["!bad"])
            #expect(result.failures.first?.failure?.code == "corrupt-input")
            #expect(try TestFiles.names(in: directory) == ["a.png", "c.png", "d.png"])
        }
    }

    @Test(arguments: [
        ModelMaster.Break.before("watch"), .before("images"), .after("images"), .before("getBlob"), .after("getBlob"),
    ])
    func `a connection lost while fetching loses no result`(loss: ModelMaster.Break) async throws {
        try await withTemporaryDirectory { directory in
            let master = try await master(["a", "b", "c", "d", "e"])
            master.state.withLock { $0.breaks = [loss] }
            let result = try await fetch(master, into: directory)
            #expect(result.fetched == 5)
            #expect(try TestFiles.names(in: directory) == ["a.png", "b.png", "c.png", "d.png", "e.png"])
            #expect(try TestFiles.read(directory + "/e.png") == "E")
        }
    }

    @Test func `a watch that breaks off continues over a new connection`() async throws {
        try await withTemporaryDirectory { directory in
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

    @Test func `a result that cannot be fetched leaves no file behind`() async throws {
        try await withTemporaryDirectory { directory in
            let master = try await master(["a"])
            master.state.withLock { state in
                state.refusals["getBlob"] = [MasterRefusal(.notFound, "the blob is gone")]
            }
            let error = await #expect(throws: MasterRefusal.self) { _ = try await fetch(master, into: directory) }
            #expect(error?.code == .notFound)
            #expect(try TestFiles.names(in: directory) == [])
        }
    }

    @Test func `a result that cannot be written is told, and the others are written`() async throws {
        try await withTemporaryDirectory { directory in
            let path = BytePath(text: directory)
            let told = Mutex<[UnwrittenResult]>([])
            let ended = Mutex<[String]>([])
            try await TestSession.with(try await master(["a", "b", "c", "d"])) { test in
                var fetching = Fetching(session: test.session) { image in
                    switch image.name {
                    case "b": .file(path.appending(path: "none/b.png"))
                    // A place that another result has: as on a file system that takes two names for one.
                    case "d": .file(path.appending(path: "./a.png"))
                    default: .file(path.appending(path: BytePath(text: image.name + ".png")))
                    }
                } finished: { image, place in
                    ended.withLock { $0.append("\(image.name) \(place == nil ? "-" : "+")") }
                } unwritten: { result in
                    told.withLock { $0.append(result) }
                }
                let summary = try await fetching.follow(JobID(17))
                #expect(summary.state == .done)
                #expect(fetching.fetchedCount == 2 && fetching.unwrittenCount == 2 && fetching.failedCount == 0)
                #expect(Set(fetching.unwritten) == Set(told.withLock { $0 }))
            }
            let results = told.withLock { $0 }.sorted { $0.image.index < $1.image.index }
            // Whichever of the two came first has the place.
            #expect(results.first?.image.name == "b" || results.last?.image.name == "b")
            #expect(results.allSatisfy { $0.error.code == "cannot-write" && $0.error.message.contains(directory) })
            #expect(ended.withLock { $0.sorted() }.count == 4)
            #expect(try TestFiles.names(in: directory) == ["a.png", "c.png"])
        }
    }

    @Test func `names that lead elsewhere stay in the directory`() async throws {
        try await withTemporaryDirectory { directory in
            let inbox = directory + "/inbox"
            try OutputFile.makeDirectory(BytePath(text: inbox))
            let names = [
                "x/../\u{301}evil.png", "../../up.png", "/abs.png", "..", "\u{1F3FB}.png", "a\u{1B}[2J\n.png",
                NameText.text(of: [0xF1, 0x2F, 0xE9]), "é.png", "e\u{301}.png",
            ]
            let result = try await fetch(try await master(names), into: inbox)
            #expect(result.fetched == names.count)
            #expect(try TestFiles.names(in: directory) == ["inbox"])
            #expect(
                Set(try directoryEntries(at: inbox).map { NameText.bytes(of: $0) })
                    == Set(
                        [
                            "\u{301}evil.png", "up.png", "abs.png", "image-3.png", "\u{1F3FB}.png", "a%1B[2J%0A.png",
                            "é.png", "e\u{301}.png",
                        ].map { Array($0.utf8) } + [[0xE9] + Array(".png".utf8)]))
        }
    }

    @Test func `nothing is replaced when that was asked for`() async throws {
        try await withTemporaryDirectory { directory in
            try TestFiles.write("mine", to: directory + "/a.png")
            try await TestSession.with(try await master(["a", "b"])) { test in
                var fetching = Fetching(
                    session: test.session,
                    place: { .entry(OutputNaming.name(for: $0.name, index: 0).file, of: BytePath(text: directory)) },
                    mayReplace: false)
                _ = try await fetching.follow(JobID(17))
                #expect(fetching.fetchedCount == 1)
                #expect(fetching.unwritten.map(\.error.code) == ["exists"])
            }
            #expect(try TestFiles.read(directory + "/a.png") == "mine")
            #expect(try TestFiles.read(directory + "/b.png") == "B")
        }
    }

    @Test func `a result is read piece by piece, and continues behind the last piece after a lost connection`()
        async throws
    {
        let master = try await master(["abcdefghij"])
        master.state.withLock { $0.breaks = [.before("lastPiece")] }
        let bytes = Mutex<[UInt8]>([])
        try await TestSession.with(master) { test in
            let image = try await test.session.image(ImageID(job: JobID(17), index: 0))
            let blob = try #require(image.result)
            // The third piece is lost with its connection.
            let pieces = Mutex(0)
            try await test.session.read(BlobSlice(blob)) { piece in
                let count = pieces.withLock { pieces in
                    pieces += 1
                    return pieces
                }
                if count == 2 { master.state.withLock { $0.breaks.append(.before("piece")) } }
                bytes.withLock { $0.append(contentsOf: piece.readableBytesView) }
            }
            #expect(test.events.count == 2)
        }
        #expect(String(decoding: bytes.withLock { $0 }, as: UTF8.self) == "ABCDEFGHIJ")
        #expect(master.calls.count { $0 == "getBlob" } >= 2)
    }

    @Test func `a blob that is not what its name says is refused after its last piece`() async throws {
        let master = try await master(["a"])
        try await TestSession.with(master) { test in
            let image = try await test.session.image(ImageID(job: JobID(17), index: 0))
            let blob = try #require(image.result)
            master.state.withLock { $0.blobs[blob.digest] = Array("b".utf8) }
            let error = await #expect(throws: BlobTransferError.self) {
                try await test.session.read(BlobSlice(blob)) { _ in }
            }
            #expect(error?.code == .corrupt)
        }
    }

    @Test func `an image that the job does not have is named with those that it has`() async throws {
        try await TestSession.with(try await master(["a", "b"])) { test in
            let error = await #expect(throws: ClientError.self) {
                try await test.session.image(ImageID(job: JobID(17), index: 2))
            }
            #expect(error?.code == "not-found")
            #expect(error?.message == "job 17 has images 0 to 1, but no image 2")
        }
    }

    @Test func `failures are found on every page, up to the limit`() async throws {
        try await TestSession.with(try await master((0..<10).map { $0 % 2 == 0 ? "!\($0)" : "\($0)" })) { test in
            let summary = try await test.session.follow(JobID(17))
            let failures = try await test.session.failedImages(of: summary)
            #expect(failures.map(\.index) == [0, 2, 4, 6, 8])
            #expect(try await test.session.failedImages(of: summary, limit: 2).map(\.index) == [0, 2])
        }
    }
}
