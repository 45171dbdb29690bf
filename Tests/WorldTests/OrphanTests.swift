import Foundation
import Glibc
import TestSupport
import Testing

@testable import WorkerDaemon

/// What is left when the worker is killed, or its socket closed.
///
/// A shell plays the worker that starts mpirun, and the test the worker that the ranks are connected to: so each of the
/// two ways in which a rank learns of its worker's end is seen alone.
@Suite(.serialized) struct OrphanTests {
    @Test func `no process outlives a worker that is killed`() async throws {
        try await withStartedRanks(3) { worker, ranks in
            let processes = ranks.map(\.process)
            // The sockets stay open: only the death of its parent can end a process.
            kill(worker, SIGKILL)
            for process in processes { try await expectGone(process) }
            withExtendedLifetime(ranks) {}
        }
    }

    @Test func `a rank ends when its worker closes the socket`() async throws {
        try await withStartedRanks(2) { _, ranks in
            let processes = ranks.map(\.process)
            ranks.removeAll()
            for process in processes { try await expectGone(process) }
        }
    }

    @Test func `what a killed worker left is removed, what a living one has is kept`() throws {
        let base = FileManager.default.temporaryDirectory.appendingPathComponent("sweep-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: base, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: base) }
        let living = try WorldDirectory(in: base.path)
        let left = base.appendingPathComponent("tessera-world-dead00/session/deep")
        try FileManager.default.createDirectory(at: left, withIntermediateDirectories: true)
        try Data([1]).write(to: left.appendingPathComponent("file"))
        let foreign = base.appendingPathComponent("something-else")
        try Data([1]).write(to: foreign)

        #expect(WorldDirectory.sweep(base.path) == 1)
        #expect(!FileManager.default.fileExists(atPath: base.path + "/tessera-world-dead00"))
        #expect(FileManager.default.fileExists(atPath: living.filesPath))
        #expect(FileManager.default.fileExists(atPath: foreign.path))
    }

    @Test func `a directory that was removed under its worker is made again, and locked`() throws {
        let base = FileManager.default.temporaryDirectory.appendingPathComponent("restore-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: base, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: base) }
        let directory = try WorldDirectory(in: base.path)
        #expect(try directory.restore() == false, "nothing is missing")
        for removed in [directory.path, directory.filesPath] {
            try FileManager.default.removeItem(atPath: removed)
            #expect(try directory.restore() == true)
            #expect(FileManager.default.fileExists(atPath: directory.filesPath))
            #expect(WorldDirectory.sweep(base.path) == 0, "its worker lives")
        }
        try FileManager.default.removeItem(at: base)
        let error = #expect(throws: WorldError.self) { try directory.restore() }
        #expect("\(try #require(error))".contains("\(base.path) does not exist (--scratch-dir)"))
    }

    /// Calls `body` with the process that started mpirun, and connections to its ranks, all of which are up.
    private func withStartedRanks(
        _ rankCount: Int, _ body: (_ worker: pid_t, _ ranks: inout [RankConnection]) async throws -> Void
    ) async throws {
        let configuration = WorldConfiguration(rankCount: rankCount, rankExecutable: rankExecutable)
        let directory = try WorldDirectory(in: configuration.baseDirectory)
        try directory.prepareSession()
        let listener = try listenForRanks(at: directory.socketPath, count: rankCount)
        let command = WorldCommand(
            configuration, socket: directory.socketPath, session: directory.sessionPath, token: "secret", parent: 0)

        // The shell names itself as the parent to follow, in place of the 0 above, and stays.
        let script = #"program=$1; shift 3; "$program" --launch $$ "$@" & wait"#
        let shell = try ChildProcess(
            name: "shell", executable: "/bin/sh", arguments: ["-c", script, "sh"] + command.arguments,
            environment: Dictionary(
                uniqueKeysWithValues: command.environment.map { entry in
                    let parts = entry.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                    return (String(parts[0]), String(parts[1]))
                }), output: "/dev/null", errors: "/dev/null")
        defer { shell.send(SIGKILL) }

        var ranks: [RankConnection] = []
        let deadline = ContinuousClock.now + .seconds(20)
        while ranks.count < rankCount {
            try #require(ContinuousClock.now < deadline, "\(ranks.count) of \(rankCount) ranks came up")
            var poll = pollfd(fd: listener.number, events: Int16(POLLIN), revents: 0)
            if Glibc.poll(&poll, 1, 100) > 0, let rank = RankConnection.accept(from: listener) { ranks.append(rank) }
        }
        try await body(shell.pid, &ranks)
    }
}
