import Foundation
import JobModel
import Logging
import MasterClient
import TestSupport
import Testing
import Transport

@testable import WorkerDaemon

/// Real worlds: `mpirun`, processes, sockets, MPI. One at a time, since they share the cores.
@Suite(.serialized) struct WorldTests {
    @Test(arguments: [1, 2, 3, 5])
    func `a world of any size makes the same files as one process`(rankCount: Int) async throws {
        let image = TestImage(width: 48, height: 61)
        let pipelines = [
            "invert", "gaussian-blur sigma=3", "canny", "otsu | box-blur size=3", "median size=5 | sobel",
            "sobel | rotate | box-blur", "butterworth-highpass cutoff=9", "otsu | contours output=json",
        ]
        let startCount = try await withWorld(rankCount) { world in
            for pipeline in pipelines {
                let expected = try image.processedSerially(pipeline)
                for chunkByteCount in [1, 3_000, 1 << 20] {
                    let file = try await PlanRunner(world).runInChunks(pipeline, image, chunkByteCount: chunkByteCount)
                    #expect(file == expected, "\(pipeline) on \(rankCount) ranks in chunks of \(chunkByteCount) bytes")
                }
                #expect(try await PlanRunner(world).runWhole(pipeline, image) == expected, "\(pipeline) as one task")
            }
            return await world.startCount
        }
        #expect(startCount == 1, "one world did it all")
    }

    @Test func `messages above MPI's eager limit and segments of several ranks come through`() async throws {
        let image = TestImage(width: 1500, height: 900)
        try await withWorld(3) { world in
            let expected = try image.processedSerially("gaussian-blur sigma=3 | sobel")
            let runner = PlanRunner(world)
            #expect(
                try await runner.runInChunks("gaussian-blur sigma=3 | sobel", image, chunkByteCount: 1 << 20)
                    == expected)
            #expect(try await runner.runWhole("gaussian-blur sigma=3 | sobel", image) == expected)
        }
    }

    @Test(arguments: [1, 777])
    func `messages longer than one call of MPI can carry go in pieces`(messageByteCount: Int) async throws {
        let image = TestImage(width: 48, height: 61)
        try await withWorld(3) {
            $0.messageByteCount = messageByteCount
        } _: { world in
            for pipeline in ["gaussian-blur sigma=3", "canny"] {
                let file = try await PlanRunner(world).runInChunks(pipeline, image, chunkByteCount: 4_000)
                #expect(try file == image.processedSerially(pipeline), "\(pipeline)")
            }
        }
    }

    @Test func `a corrupt file is refused and the world lives on`() async throws {
        let image = TestImage(width: 48, height: 61)
        let spec = PlanRunner.spec(.decode, "invert", image, chunkByteCount: 1_000)
        try await withWorld(2) { world in
            var file = image.png
            file[file.count / 2] ^= 0x55
            let refusal = await #expect(throws: PlanRunner.Refusal.self) {
                try await PlanRunner(world).decode(spec, file)
            }
            #expect(refusal?.cause == .corruptInput)
            try removeFiles(of: world)
            #expect(try await PlanRunner(world).runWhole("invert", image) == image.processedSerially("invert"))
            #expect(await world.startCount == 1)
        }
    }

    @Test func `a decode that fails half-way leaves nothing in shared memory`() async throws {
        let image = TestImage(width: 480, height: 610)
        let transfer = BlobTransfer(
            Dialer(
                to: Endpoint(host: "127.0.0.1", port: 1), as: .worker,
                secret: try SharedSecret(bytes: [UInt8](repeating: 7, count: 16)), logger: Logger(label: "test")))
        let runner = TaskRunner(blobs: RetryingBlobTransfer(transfer: transfer, logger: Logger(label: "test")))
        let spec = PlanRunner.spec(.whole, "invert", image, chunkByteCount: 1 << 24)
        try await withWorld(1) { world in
            let folder = FileManager.default.temporaryDirectory.appendingPathComponent("lease-\(UUID())").path
            defer { try? FileManager.default.removeItem(atPath: folder) }
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let files = LeaseFiles(LeaseID(task: spec.task, attempt: 1), in: folder)
            try files.create()
            try Data(image.png).write(to: URL(fileURLWithPath: files.input))
            // The rows cannot be kept: their place is taken by a directory.
            try FileManager.default.createDirectory(atPath: files.raw, withIntermediateDirectories: false)
            await #expect(throws: LeaseFileError.self) {
                _ = try await runner.compute(spec, files, in: world, onBand: { _, _ in }, onProgress: { _ in })
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: world.filesPath).isEmpty)
        }
    }

    @Test func `an input of the wrong size is refused by all ranks together`() async throws {
        let image = TestImage(width: 48, height: 61)
        let spec = PlanRunner.spec(.chunk(stage: 0, index: 0), "invert", image, chunkByteCount: 1 << 20)
        try await withWorld(3) { world in
            let refusal = await #expect(throws: PlanRunner.Refusal.self) {
                try await PlanRunner(world).compute(spec, Array(image.pixels.dropLast()), value: nil)
            }
            #expect(refusal?.cause == .workerError)
            let file = try await PlanRunner(world).runWhole("invert", image)
            #expect(try file == image.processedSerially("invert"))
            #expect(await world.startCount == 1)
        }
    }

    @Test func `no more than two decoded bands exist at a time`() async throws {
        let image = TestImage(width: 48, height: 61)
        let spec = PlanRunner.spec(.decode, "invert", image, chunkByteCount: 400)
        try await withWorld(1) { world in
            let input = world.filesPath + "/input"
            try Data(image.png).write(to: URL(fileURLWithPath: input))
            let counts = Collected<Int>()
            let reply = try await world.run(
                .decode(spec, input: input, directory: world.filesPath),
                onBand: { band in
                    let names = try FileManager.default.contentsOfDirectory(atPath: world.filesPath)
                    await counts.append(names.count { $0.hasPrefix("band-") })
                    try FileManager.default.removeItem(atPath: band.path)
                })
            guard case .decoded(let metadata, _, _) = reply else {
                Issue.record("\(reply)")
                return
            }
            try FileManager.default.removeItem(atPath: metadata)
            try FileManager.default.removeItem(atPath: input)
            #expect(await counts.values.count == 31, "two of 61 rows a band")
            #expect(await counts.values.allSatisfy { (1...RankOrder.decodeCredit).contains($0) })
        }
    }

    @Test func `a rank killed in the middle of an order is a loss, and the next order works`() async throws {
        let image = TestImage(width: 48, height: 61)
        try await withWorld(3) { world in
            let victim = try await firstRank(1, of: world)
            let error = await #expect(throws: WorldError.self) {
                try await decode(
                    image, in: world,
                    onBand: { _ in
                        kill(victim, SIGKILL)
                        // Rank 0 waits for this band to be taken: the order cannot end before the victim has.
                        try await expectGone(victim)
                    })
            }
            guard case .lost(_, let tail) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(error?.failure.cause == .rankLost)
            // mpirun ends the others at once, so that any rank's end may be seen first; but it says whose was the first.
            #expect(tail.contains("rank 1 ") && tail.contains("signal 9"), "\(tail)")
            try removeFiles(of: world)
            #expect(try await PlanRunner(world).runWhole("canny", image) == image.processedSerially("canny"))
            #expect(await world.startCount == 2)
        }
    }

    @Test func `a rank killed while its fellows wait for its rows is a loss`() async throws {
        let image = TestImage(width: 1200, height: 900)
        try await withWorld(3) { world in
            let victim = try await firstRank(2, of: world)
            let rows = world.filesPath + "/rows"
            try Data(image.pixels).write(to: URL(fileURLWithPath: rows))
            let pipeline = Array(repeating: "gaussian-blur sigma=3", count: 20).joined(separator: " | ")
            let spec = PlanRunner.spec(.chunk(stage: 0, index: 0), pipeline, image, chunkByteCount: 16 << 20)
            let error = await #expect(throws: WorldError.self) {
                try await world.run(
                    .compute(
                        spec, input: rows, value: nil, payload: world.filesPath + "/payload",
                        summary: world.filesPath + "/summary",
                        rows: world.filesPath + "/rows-of-pieces"), onProgress: { _ in kill(victim, SIGKILL) })
            }
            #expect(error?.failure.cause == .rankLost)
            try removeFiles(of: world)
        }
    }

    @Test func `mpirun killed is a loss, and no rank survives it`() async throws {
        let image = TestImage(width: 48, height: 61)
        try await withWorld(2) { world in
            try await world.start()
            let ranks = await world.rankProcesses
            let mpirun = try parent(of: ranks[0])
            let error = await #expect(throws: WorldError.self) {
                try await decode(
                    image, in: world,
                    onBand: { _ in
                        kill(mpirun, SIGKILL)
                        try await expectGone(ranks[1])
                    })
            }
            #expect(error?.failure.cause == .rankLost)
            for rank in ranks { try await expectGone(rank) }
            try removeFiles(of: world)
        }
    }

    @Test func `a world that died while idle is replaced without harm`() async throws {
        let image = TestImage(width: 48, height: 61)
        try await withWorld(2) { world in
            let victim = try await firstRank(1, of: world)
            kill(victim, SIGKILL)
            try await expectGone(victim)
            #expect(try await PlanRunner(world).runWhole("invert", image) == image.processedSerially("invert"))
            #expect(await world.startCount == 2)
        }
    }

    @Test func `a rank that is frozen is reported as hung in the time allowed`() async throws {
        let image = TestImage(width: 48, height: 61)
        try await withWorld(2) { world in
            kill(try await firstRank(1, of: world), SIGSTOP)
            let start = ContinuousClock.now
            let spec = PlanRunner.spec(
                .chunk(stage: 0, index: 0), "invert", image, chunkByteCount: 1 << 20,
                progressTimeout: .milliseconds(700))
            let error = await #expect(throws: WorldError.self) {
                try await PlanRunner(world).compute(spec, image.pixels, value: nil)
            }
            #expect(error?.failure.cause == .hung)
            #expect((.milliseconds(700)...(.seconds(5))).contains(ContinuousClock.now - start))
            #expect(try await PlanRunner(world).runWhole("invert", image) == image.processedSerially("invert"))
            #expect(await world.startCount == 2)
        }
    }

    @Test func `a cancelled order ends soon and the world stays`() async throws {
        let image = TestImage(width: 48, height: 61)
        try await withWorld(2) { world in
            let order = Task {
                try await decode(image, in: world, onBand: { _ in withUnsafeCurrentTask { $0?.cancel() } })
            }
            await #expect(throws: CancellationError.self) { try await order.value }
            try removeFiles(of: world)
            #expect(try await PlanRunner(world).runWhole("invert", image) == image.processedSerially("invert"))
            #expect(await world.startCount == 1)
        }
    }

    @Test func `an error in taking a band calls the order off and the world stays`() async throws {
        struct NoRoom: Error {}
        let image = TestImage(width: 48, height: 61)
        try await withWorld(2) { world in
            await #expect(throws: NoRoom.self) {
                try await decode(image, in: world, onBand: { _ in throw NoRoom() })
            }
            try removeFiles(of: world)
            #expect(try await PlanRunner(world).runWhole("invert", image) == image.processedSerially("invert"))
            #expect(await world.startCount == 1)
        }
    }

    @Test func `stop ends an order in progress`() async throws {
        let image = TestImage(width: 48, height: 61)
        try await withWorld(2) { world in
            try await world.start()
            let ranks = await world.rankProcesses
            await #expect(throws: WorldError.stopped) {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    try await decode(image, in: world, onBand: { _ in await world.stop() })
                }
            }
            for rank in ranks { try await expectGone(rank) }
            await #expect(throws: WorldError.stopped) { try await world.start() }
            try removeFiles(of: world)
        }
    }

    @Test func `an idle world uses no processor time`() async throws {
        let image = TestImage(width: 48, height: 61)
        try await withWorld(3) { world in
            // After an order, as a world spends its life.
            _ = try await PlanRunner(world).runWhole("canny", image)
            let ranks = await world.rankProcesses
            let processes = ranks + [try parent(of: ranks[0])]
            let before = try processes.map(processorTicks)
            try await Task.sleep(for: .seconds(1))
            let after = try processes.map(processorTicks)
            for (process, (before, after)) in zip(processes, zip(before, after)) {
                #expect(after - before <= 1, "process \(process) used \(after - before) ticks in a second")
            }
        }
    }

    @Test func `a rank's program that is missing is said so`() async throws {
        let world = try World(WorldConfiguration(rankCount: 2, rankExecutable: "/nowhere/tessera-rank"))
        let error = await #expect(throws: WorldError.self) { try await world.start() }
        #expect(error?.failure.cause == .workerError)
        #expect(error?.failure.reason.contains("/nowhere/tessera-rank") == true)
        await world.stop()
    }

    @Test func `a rank of another release than its worker is not used`() async throws {
        let script = FileManager.default.temporaryDirectory.path + "/rank-\(UUID().uuidString)"
        defer { for path in [script, script + ".text"] { try? FileManager.default.removeItem(atPath: path) } }
        let text = "#!/bin/sh\nTESSERA_RANK_REVISION=0 exec \(rankExecutable) \"$@\"\n"
        try Data(text.utf8).write(to: URL(fileURLWithPath: script + ".text"))
        // Installed by another process: a program that one of ours could still have open for writing cannot be started.
        let install = Process()
        install.executableURL = URL(fileURLWithPath: "/usr/bin/install")
        install.arguments = ["-m", "700", script + ".text", script]
        try install.run()
        install.waitUntilExit()
        let words = try await wordsOfFailedStart { $0.rankExecutable = script }
        #expect(words.contains("of another release than the worker"), "\(words)")
    }

    @Test func `an mpirun that ends at once is reported with its output`() async throws {
        let words = try await wordsOfFailedStart { $0.mpirun = "/bin/ls" }
        #expect(words.contains("| ls:") || words.contains("| /bin/ls:"), "\(words)")
    }

    @Test func `a program that ends at once, without a word, is not a launcher`() async throws {
        try await withWorld(2, { $0.mpirun = "/bin/false" }) { world in
            let error = await #expect(throws: WorldError.self) { try await world.start() }
            guard case .notLauncher(let reason) = error else {
                Issue.record("not called what it is: \(String(describing: error))")
                return
            }
            #expect(reason.contains("/bin/false"), "\(reason)")
        }
    }

    /// What is said of a world that does not come up: why, and what was printed.
    private func wordsOfFailedStart(_ configure: (inout WorldConfiguration) -> Void) async throws -> String {
        try await withWorld(2, configure) { world in
            let error = await #expect(throws: WorldError.self) { try await world.start() }
            guard case .notStarted = error else {
                Issue.record("not a failure to start: \(String(describing: error))")
                return ""
            }
            return error?.description ?? ""
        }
    }

    // MARK: -

    private func decode(
        _ image: TestImage, in world: World, onBand: @escaping @Sendable (World.DecodedBand) async throws -> Void
    ) async throws {
        let input = world.filesPath + "/input"
        try Data(image.png).write(to: URL(fileURLWithPath: input))
        let spec = PlanRunner.spec(.decode, "invert", image, chunkByteCount: 400)
        _ = try await world.run(.decode(spec, input: input, directory: world.filesPath), onBand: onBand)
    }

    private func firstRank(_ rank: Int, of world: World) async throws -> pid_t {
        try await world.start()
        return await world.rankProcesses[rank]
    }

    /// Orders that ended early leave files behind, which are the slot's to remove.
    private func removeFiles(of world: World) throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: world.filesPath) {
            try FileManager.default.removeItem(atPath: "\(world.filesPath)/\(name)")
        }
    }

    private func parent(of process: pid_t) throws -> pid_t {
        let text = try String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
        let fields = text.split(separator: ")", omittingEmptySubsequences: false).last?.split(separator: " ") ?? []
        return try #require(pid_t(fields[1]))
    }
}

private actor Collected<Value> {
    private(set) var values: [Value] = []
    func append(_ value: Value) { values.append(value) }
}
