import BlobStore
import Dispatch
import Foundation
import JobModel
import Journal
import Logging
import MasterClient
import MasterMachine
import Metrics
import ClientKit
import NIOPosix
import Settings
import Testing
import Transport

@testable import MasterDaemon
@testable import Scheduler

@Suite struct DecisionLoopTests {
    /// A loop on a thread of its own, over a state directory that is removed at the end.
    private static func withLoop(
        board: MasterBoard? = nil,
        _ body: (_ loop: DecisionLoop, _ journal: Journal, _ directory: String) async throws -> Void
    ) async throws -> (any Error)? {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("loop-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let settings = try MasterSettings(
            Settings(
                program: "test", version: "0", summary: "", settings: MasterSettings.table,
                arguments: ["--state-dir", directory], environment: [:]))
        let journal = try Journal(directory: directory)
        let blobs = try LocalBlobStore(path: directory + "/blobs")
        let loop = DecisionLoop()
        let (ended, end) = AsyncStream.makeStream(of: (any Error)?.self)
        Thread {
            do {
                let core = try MasterCore(
                    journal: journal, present: blobs.list, uploads: UploadBudget(limit: 1 << 40),
                    counts: SessionCounts(), board: board, settings: settings, logger: Logger(label: "test")
                ) { _ in }
                try loop.run(core) {}
                end.yield(nil)
            } catch {
                end.yield(error)
            }
        }.start()
        do {
            try await body(loop, journal, directory)
        } catch {
            loop.stop()
            for await _ in ended { break }
            throw error
        }
        loop.stop()
        for await error in ended { return error }
        return nil
    }

    private static func open(_ token: String, on loop: DecisionLoop) async throws -> JobID {
        try await loop.perform { core in
            let opening = JobOpening(token: token, submitter: "somebody", pipeline: "invert")
            return try core.decide { master, now throws(SchedulerRefusal) in
                try master.jobOpened(opening, by: ObjectIdentifier(loop), at: now)
            }
        }
    }

    @Test func `a reply is given only when its records are durable`() async throws {
        let error = try await Self.withLoop { loop, _, directory in
            let job = try await Self.open("one", on: loop)
            // What a crash at this moment would leave: the files as they are now, opened elsewhere.
            let copy = directory + "-copy"
            defer { try? FileManager.default.removeItem(atPath: copy) }
            try FileManager.default.createDirectory(atPath: copy, withIntermediateDirectories: true)
            for name in try FileManager.default.contentsOfDirectory(atPath: directory) where name.hasPrefix("journal") {
                try FileManager.default.copyItem(atPath: directory + "/" + name, toPath: copy + "/" + name)
            }
            var opened: [JobID] = []
            let recovered = try Journal(directory: copy)
            try recovered.replay { if case .jobOpened(let description) = $0 { opened.append(description.id) } }
            try recovered.close()
            #expect(opened == [job])
        }
        #expect(error == nil)
    }

    @Test func `events that arrive together are decided in order`() async throws {
        _ = try await Self.withLoop { loop, _, _ in
            let jobs = try await withThrowingTaskGroup(of: JobID.self) { group in
                for index in 0..<50 { group.addTask { try await Self.open("token-\(index)", on: loop) } }
                return try await group.reduce(into: Set()) { $0.insert($1) }
            }
            #expect(jobs == Set((1...50).map { JobID($0) }))
        }
    }

    @Test func `when the journal fails nothing is acknowledged and the loop ends`() async throws {
        let error = try await Self.withLoop { loop, journal, _ in
            _ = try await Self.open("one", on: loop)
            try journal.close()
            await #expect(throws: MasterStopped.self) { try await Self.open("two", on: loop) }
        }
        #expect(error is JournalError)
    }

    @Test func `a thread that asks after the end is answered at once`() async throws {
        let error = try await Self.withLoop { loop, _, _ in
            #expect(loop.performBlocking { _ in 7 } == 7)
            loop.stop()
            var isRefused = false
            while !isRefused { isRefused = loop.performBlocking { _ in 7 } == nil }
            let start = ContinuousClock.now
            for _ in 0..<100 { #expect(loop.performBlocking { _ in 7 } == nil) }
            // A sweep asks the loop: a master that stops during it must not wait for each answer.
            #expect(ContinuousClock.now - start < .seconds(2))
        }
        #expect(error == nil)
    }

    @Test func `a failed sync of a blob ends the loop, and nothing more is acknowledged`() async throws {
        let failure = BlobStoreError(.syncFailed, "the disk did not take it")
        let error = try await Self.withLoop { loop, _, _ in
            _ = try await Self.open("one", on: loop)
            loop.fail(failure)
            await #expect(throws: MasterStopped.self) { try await Self.open("two", on: loop) }
        }
        #expect(error as? BlobStoreError == failure)
    }

    @Test func `a question after the end is answered with an error`() async throws {
        let error = try await Self.withLoop { loop, _, _ in
            _ = try await Self.open("one", on: loop)
            loop.stop()
            // The stop may take one more turn; from some moment on every question is refused.
            var isRefused = false
            while !isRefused {
                do { _ = try await Self.open("late", on: loop) } catch is MasterStopped { isRefused = true }
            }
        }
        #expect(error == nil)
    }
}

extension DecisionLoopTests {
    @Test func `a client that was answered finds it counted`() async throws {
        _ = try await Self.withLoop { loop, _, _ in
            #expect(try await loop.perform { $0.counters.scheduler.jobsOpen } == 0)
            for number: UInt64 in 1...3 {
                _ = try await Self.open("token-\(number)", on: loop)
                let counters = try await loop.perform { $0.counters }
                #expect(counters.scheduler.jobsOpen == Int(number))
                #expect(counters.machine.jobsUnsealed == Int(number))
                #expect(counters.commits == number && counters.recordsCommitted == number)
            }
        }
    }

    @Test func `those who watch see the latest turn, and are answered while the loop waits`() async throws {
        let board = MasterBoard(refusals: RefusalCount(), stateDirectory: "/nonexistent")
        let error = try await Self.withLoop(board: board) { loop, _, _ in
            func shown(_ line: String) -> Bool { MetricsText(board.metrics).text.contains("\n\(line)\n") }
            for number in 1...3 { _ = try await Self.open("token-\(number)", on: loop) }
            // The turn that answered ends a moment after its answers; the next one shows it at the latest.
            try await loop.perform { _ in }
            #expect(shown(#"tessera_jobs{state="unsealed"} 3"#) && shown("tessera_journal_records_total 3"))
            #expect(shown("tessera_journal_commit_seconds_count 3"))

            let (blocked, release) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
            loop.post { _ in
                blocked.signal()
                release.wait()
            }
            await withCheckedContinuation { continuation in
                Thread {
                    blocked.wait()
                    continuation.resume()
                }.start()
            }
            // The loop is stuck, as it is while a disk does not answer.
            let late = Task { try await Self.open("late", on: loop) }
            for _ in 0..<1_000 { #expect(shown(#"tessera_jobs{state="unsealed"} 3"#)) }
            release.signal()
            _ = try await late.value
            try await loop.perform { _ in }
            #expect(shown(#"tessera_jobs{state="unsealed"} 4"#))
        }
        #expect(error == nil)
    }

    @Test func `a watcher is not told of an end that is not durable`() async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let secret = try SharedSecret(bytes: Array("sixteen bytes at least".utf8))
        var heard: [ClientKit.JobSummary.State] = []
        let error = try await Self.withLoop { loop, journal, directory in
            let job = try await Self.open("one", on: loop)
            let blobs = try LocalBlobStore(path: directory + "/blobs")
            let listener = try await MasterListener.bind(
                to: Endpoint(host: "127.0.0.1", port: 0), Acceptor(secret: secret, logger: logger))
            let serving = Task {
                try await listener.run { incoming in
                    guard case .control(let connection) = incoming else { return }
                    await ClientSession(
                        connection: connection, loop: loop,
                        admission: Admission(blobs: blobs, limits: SchedulerConfiguration().planLimits),
                        desk: SecretDesk(keyring: Keyring(secret), roster: ConnectionRoster()),
                        blockingWork: .singleton, limits: TransportLimits(), logger: logger
                    ).run()
                }
            }
            defer { serving.cancel() }
            let master = Endpoint(host: "127.0.0.1", port: listener.localPort)
            heard = try await MasterConnection.withConnection(
                Dialer(to: master, as: .client, secret: secret, logger: logger)
            ) { client in
                var states: [ClientKit.JobSummary.State] = []
                do {
                    for try await summary in client.watch(job) {
                        states.append(summary.state)
                        // One turn: the job changed before, ends now, and the journal does not take it.
                        loop.post { core in
                            core.watchers.changed(job)
                            try? core.decide { master, now throws(SchedulerRefusal) in
                                try master.cancelled(job, at: now)
                            }
                            try? journal.close()
                        }
                        // The loop ends by this turn; the connection then ends at the next request.
                        while (try? await loop.perform { _ in }) != nil {}
                        _ = try? await client.job(job)
                    }
                } catch {}
                return states
            }
        }
        #expect(error is JournalError)
        #expect(heard == [.open])
    }

    @Test func `an assembly that a stop prevented is not a failure of the image`() async throws {
        _ = try await Self.withLoop { loop, _, directory in
            // A pool that takes no work, as one that is being shut down.
            let background = Background(
                loop: loop, blobs: try LocalBlobStore(path: directory + "/blobs"),
                blockingWork: NIOThreadPool(numberOfThreads: 1), reserve: StorageReserve(byteCount: 0),
                logger: Logger(label: "test"))
            let image = ImageID(job: JobID(1), index: 0)
            let geometry = ImageGeometry(width: 1, height: 1, channelCount: 1, bitsPerSample: 8)
            await background.assemble(Assembly(image: image, parts: [], metadata: nil, output: geometry))
            // A report about an image that is not assembled would be counted.
            try await loop.perform { _ in }
            #expect(try await loop.perform { $0.counters.scheduler.staleReports } == 0)
        }
    }
}
