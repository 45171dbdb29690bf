import Foundation
import JobModel
import TestSupport
import Testing

@testable import WorkerDaemon

/// The `tessera-rank` that was built with these tests: it is in the directory of the test bundle.
let rankExecutable: String = {
    var folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    let candidates = CommandLine.arguments + [Bundle.main.bundlePath, Bundle.main.executablePath ?? ""]
    for candidate in candidates where candidate.hasSuffix(".xctest") {
        folder = URL(fileURLWithPath: candidate).deletingLastPathComponent()
        break
    }
    return folder.appendingPathComponent("tessera-rank").path
}()

/// Calls `body` with a world of `rankCount` ranks, which is stopped afterwards, and checks that it leaves nothing.
func withWorld<Output: Sendable>(
    _ rankCount: Int, _ configure: (inout WorldConfiguration) -> Void = { _ in },
    _ body: (World) async throws -> Output
) async throws -> Output {
    var configuration = WorldConfiguration(rankCount: rankCount, rankExecutable: rankExecutable)
    configure(&configuration)
    let world = try World(configuration)
    let output: Result<Output, any Error>
    do { output = .success(try await body(world)) } catch { output = .failure(error) }
    let processes = await world.rankProcesses
    await world.stop()
    for process in processes { try await expectGone(process) }
    let left = (try? FileManager.default.contentsOfDirectory(atPath: world.filesPath)) ?? []
    #expect(left == [], "every order's files are removed")
    return try output.get()
}

extension PlanRunner {
    /// A runner whose orders a world carries out.
    init(_ world: World, progressTimeout: Duration = .seconds(60)) {
        self.init(folder: world.filesPath, progressTimeout: progressTimeout) { order, takeBand in
            try await world.run(order, onBand: { try await takeBand($0.index, $0.path) })
        }
    }
}

/// Whether the process exists and is more than a corpse that nobody has collected.
func isRunning(_ process: pid_t) -> Bool {
    guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8) else { return false }
    // pid (name) state ...: the name may have spaces and parentheses of its own.
    let state = text.split(separator: ")", omittingEmptySubsequences: false).last?.split(separator: " ").first
    guard let state else { return false }
    // A corpse's other threads may still be about to end, and with them its open files.
    let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task")) ?? []
    return state != "Z" && state != "X" || threads.count > 1
}

/// Expects the process to be gone within a second: its files are closed a moment before it is.
func expectGone(_ process: pid_t) async throws {
    let deadline = ContinuousClock.now + .seconds(1)
    while isRunning(process) && ContinuousClock.now < deadline { try await Task.sleep(for: .milliseconds(2)) }
    #expect(!isRunning(process), "process \(process) is left")
}

/// The CPU time that a process has used, in clock ticks.
func processorTicks(_ process: pid_t) throws -> Int {
    let text = try String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
    let fields = text.split(separator: ")", omittingEmptySubsequences: false).last?.split(separator: " ") ?? []
    // utime and stime are fields 14 and 15 of proc(5); the state, field 3, is the first here.
    let times = [fields[11], fields[12]].compactMap { Int($0) }
    try #require(times.count == 2)
    return times[0] + times[1]
}
