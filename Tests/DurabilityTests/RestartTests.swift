import Foundation
import Glibc
import JobModel
import Journal
import Logging
import Protocol
import Retrying
import Synchronization
import SystemCalls
import TestBasics
import TestSupport
import Testing
import Transport

/// How soon a master is back. Full scale: `scripts/restart-speed.sh`, and `TESSERA_RESTART_WORKERS=1000` for the workers.
@Suite(.serialized, .timeLimit(.minutes(5))) struct RestartTests {
    @Test func `a master with many tasks half done serves soon after its start`() async throws {
        try await withTemporaryDirectory { folder in
            let place = try MasterProcess.Place(folder: folder)
            let content = try LargeJournal(taskCount: 50_000)
            let journal = try Journal(directory: place.state)
            try content.write { try journal.append($0) }
            try journal.close()
            // A journal with records has a store beside it.
            try FileManager.default.createDirectory(
                atPath: place.state + "/blobs", withIntermediateDirectories: false)
            let start = ContinuousClock.now
            let master = try await MasterProcess.start(at: place)
            let elapsed = ContinuousClock.now - start
            let used = ProcessTable.entry(master.process.pid)?.processorTime ?? .seconds(3600)
            await master.kill()
            print(
                "a debug build's restart with \(content.taskCount) tasks: \(used) of processor time, \(elapsed) elapsed"
            )
            // A debug build takes a fraction of this; anything that grows with the square of the tasks, minutes.
            #expect(used < .seconds(6))
        }
    }

    @Test func `all workers are back soon after their master`() async throws {
        let wish = ProcessInfo.processInfo.environment["TESSERA_RESTART_WORKERS"].flatMap { Int($0) }
        let workerCount = wish ?? 500
        _ = ThisProcess.raiseOpenFileLimit()
        try await withTemporaryDirectory { folder in
            let place = try MasterProcess.Place(folder: folder)
            // As if each were at an address of its own.
            let options = [
                "--max-connections-per-address", "\(workerCount + 10)",
                "--max-handshakes-per-address", "\(workerCount + 10)", "--log-level", "warning",
            ]
            let first = try await MasterProcess.start(at: place, nil, options)
            let crowd = Crowd(count: workerCount, endpoint: first.endpoint, secret: place.secret)
            try await withThrowingTaskGroup(of: Void.self) { group in
                defer { group.cancelAll() }
                for member in 0..<workerCount { group.addTask { try await crowd.work(member) } }
                try await eventually("all workers are registered") { crowd.registeredCount(in: 1) == workerCount }
                await first.kill()
                let second = try await MasterProcess.start(at: place, nil, options, listen: first.endpoint)
                let start = ContinuousClock.now
                do {
                    try await eventually("all workers are registered again") {
                        crowd.registeredCount(in: 2) == workerCount
                    }
                } catch {
                    await second.kill()
                    throw error
                }
                let elapsed = ContinuousClock.now - start
                print("\(workerCount) workers were back \(elapsed) after their master served again")
                await second.kill()
                #expect(elapsed < .seconds(5))
            }
        }
    }
}

/// Workers that connect and register as real ones do, and do nothing else.
private final class Crowd: Sendable {
    private let endpoint: Endpoint
    private let secret: SharedSecret
    /// For each worker, how often it has registered.
    private let registrations: Mutex<[Int]>

    init(count: Int, endpoint: Endpoint, secret: SharedSecret) {
        self.endpoint = endpoint
        self.secret = secret
        registrations = Mutex(Array(repeating: 0, count: count))
    }

    /// How many have registered at least `round` times.
    func registeredCount(in round: Int) -> Int { registrations.withLock { $0.count { $0 >= round } } }

    /// Connects again and again, with the delays of a worker, until cancelled.
    func work(_ member: Int) async throws {
        let quiet = Logger(label: "crowd") { _ in SwiftLogNoOpLogHandler() }
        let backoff = Backoff()
        var failures = 0
        var number: UInt64 = 0
        while true {
            do {
                let connection = try await Dialer(
                    to: endpoint, as: .worker, secret: secret, software: "crowd", logger: quiet
                ).openControlConnection()
                defer { connection.close() }
                connection.send(
                    .register(
                        .with {
                            $0.worker = number
                            $0.name = "crowd-\(member)"
                            $0.slotCount = 1
                            $0.ranksPerSlot = 1
                            $0.resultRevision = JobOptions.currentResultRevision
                        }))
                for try await (_, message) in connection.inbound {
                    guard case .registered(let reply) = message.body else { continue }
                    number = reply.worker
                    failures = 0
                    registrations.withLock { $0[member] += 1 }
                }
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                // The master is away, or has too many greetings at once.
            }
            var random = SystemRandomNumberGenerator()
            try await Task.sleep(for: backoff.delay(attempt: failures, using: &random))
            failures += 1
        }
    }
}
