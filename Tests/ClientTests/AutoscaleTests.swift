import Autoscaling
import ClientKit
import Foundation
import JobModel
import SystemCalls
import TestBasics
import Testing

@testable import Client

@Suite struct AutoscaleTests {
    // MARK: Options

    @Test func `bounds and times are checked before anything starts`() {
        for arguments in [["--max", "3"], ["--max", "3", "--min", "3", "--target", "90s", "--fleet", "gpu-2"]] {
            #expect(throws: Never.self) {
                try Tessera.parseAsRoot(["autoscale", "--start", "a", "--stop", "b"] + arguments)
            }
        }
        for (arguments, words) in [
            (["--max", "0"], "from 1 to 1000"), (["--max", "3", "--min", "4"], "--max, which is 3"),
            (["--max", "3", "--target", "soon"], "--target 'soon'"),
            (["--max", "3", "--interval", "1ms"], "--interval"),
            (["--max", "3", "--fleet", "My Fleet"], "--fleet 'My Fleet'"),
            (["--max", "3", "--stop", " "], "--stop needs"),
            (["--max", "3", "--slots", "0"], "--slots 0"), ([], "--max"),
        ] {
            do {
                _ = try Tessera.parseAsRoot(["autoscale", "--start", "a", "--stop", "b"] + arguments)
                Issue.record("\(arguments) are accepted")
            } catch {
                let message = Tessera.fullMessage(for: error)
                #expect(message.contains(words), "\(message)")
            }
        }
    }

    // MARK: What is remembered

    private static let state = FleetState(
        slotsPerWorker: 8,
        members: [
            .init(name: "auto-a", phase: .awaited, age: .seconds(2)),
            .init(
                name: "auto-b", phase: .stopping, reason: .neverRegistered, age: .seconds(3), worker: WorkerID(7),
                address: "[::1]:4711"),
        ], failures: 3, startPause: .seconds(17))

    @Test func `a state is read as it was written`() throws {
        let text = Self.state.json(savedAt: 1234).text
        let (state, savedAt) = try #require(FleetState.reading(try JSON(parsing: Array(text.utf8))))
        #expect(state == Self.state && savedAt == 1234)
    }

    @Test func `a start that was decided and not called is not waited for`() throws {
        try withTemporaryDirectory { path in
            let files = try FleetFiles(path, fleet: "auto")
            try files.save(
                FleetState(members: [
                    .init(name: "auto-called", phase: .awaited, age: .zero),
                    .init(name: "auto-decided", phase: .awaited, age: .zero),
                    .init(name: "auto-found", phase: .serving, age: .zero),
                ]))
            let command = FleetCommand(
                line: "true", environment: [:], output: files.output(of: "auto-called"),
                errors: files.errors(of: "auto-called"),
                directory: path, limit: .seconds(60))
            #expect(command.run() == .succeeded)
            let names = try files.load()?.members.map(\.name)
            #expect(names == ["auto-called", "auto-found"])
        }
    }

    @Test func `a state of another release, and a damaged one, are not guessed at`() throws {
        let text = Self.state.json(savedAt: 1234).text
        for (part, other) in [
            (#""version":1"#, #""version":2"#), (#""phase":"awaited""#, #""phase":"asleep""#),
            (#""saved_at""#, #""at""#),
            ("2000", "-1"),
        ] {
            let json = try JSON(parsing: Array(text.replacingOccurrences(of: part, with: other).utf8))
            #expect(FleetState.reading(json) == nil, "\(other)")
        }
    }

    @Test func `the directory is one keeper's, and holds what the next one reads`() throws {
        try withTemporaryDirectory { path in
            let directory = path + "/a/b"
            try Self.first(directory)
            _ = FileManager.default.createFile(atPath: directory + "/auto-a.out", contents: nil)
            _ = FileManager.default.createFile(atPath: directory + "/auto-z.err", contents: nil)
            let names = try Self.second(directory)
            #expect(names == ["auto-a", "auto-b"])
            let left = try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
            #expect(left == ["auto-a.out", "fleet.json", "lock"])
            try Data("{".utf8).write(to: URL(fileURLWithPath: directory + "/fleet.json"))
            let damaged = #expect(throws: ClientError.self) { try Self.second(directory) }
            #expect(damaged?.code == "fleet-state")
        }
    }

    /// A run that finds nothing and saves, while another one tries to hold the directory.
    private static func first(_ directory: String) throws {
        let files = try FleetFiles(directory, fleet: "auto")
        let found = try files.load()
        #expect(found == nil)
        try files.save(state)
        let busy = #expect(throws: ClientError.self) { _ = try FleetFiles(directory, fleet: "auto") }
        #expect(busy?.code == "fleet-busy")
    }

    /// A run that knows one worker less.
    private static func second(_ directory: String) throws -> [String] {
        let files = try FleetFiles(directory, fleet: "auto")
        let found = try files.load()
        files.sweep(keeping: ["auto-a"])
        return found?.members.map(\.name) ?? []
    }

    // MARK: Commands

    private func command(_ line: String, in directory: String, limit: Duration = .seconds(30)) -> FleetCommand {
        FleetCommand(
            line: line, environment: ["PATH": "/usr/bin:/bin", "TESSERA_NAME": "auto-a"], output: directory + "/out",
            errors: directory + "/err", directory: directory, limit: limit)
    }

    @Test func `a command has its directory and environment, and what it prints is kept`() throws {
        try withTemporaryDirectory { path in
            #expect(command("pwd; echo $TESSERA_NAME; echo ' i-7 '; echo", in: path).run() == .succeeded)
            #expect(FleetCommand.lastLine(of: path + "/out") == "i-7")
            let text = try String(contentsOfFile: path + "/out", encoding: .utf8)
            #expect(text.hasSuffix("\nauto-a\n i-7 \n\n"), "\(text)")
            #expect(FleetCommand.lastLine(of: path + "/none") == "")
        }
    }

    @Test func `how a command ended is told, with the end of what it said`() throws {
        try withTemporaryDirectory { path in
            #expect(
                command("echo a >&2; echo no quota >&2; exit 3", in: path).run()
                    == .failed("ended with status 3: no quota"))
            #expect(command("kill -KILL $$", in: path).run() == .killed("was killed by signal 9"))
            #expect(
                command("true", in: path + "/none").run() != .succeeded, "its directory is gone")
        }
    }

    @Test func `a command that hangs is killed with its children`() throws {
        try withTemporaryDirectory { path in
            let end = command("sleep 1000 & echo $!; wait", in: path, limit: .milliseconds(300)).run()
            #expect(end == .killed("was killed after 0.3 s (--command-timeout)"))
            let child = try #require(pid_t(FleetCommand.lastLine(of: path + "/out")))
            // `nil`: it has ended already.
            guard let handle = ProcessIdentity(of: child).flatMap({ ProcessHandle($0) }) else { return }
            var query = pollfd(fd: handle.descriptor, events: Int16(POLLIN), revents: 0)
            #expect(poll(&query, 1, 30_000) == 1)
        }
    }

    @Test func `the host of an address has no port and no brackets`() {
        #expect(FleetKeeper.host(of: "10.0.0.7:4711") == "10.0.0.7")
        #expect(FleetKeeper.host(of: "[2001:db8::1]:4711") == "2001:db8::1")
        #expect(FleetKeeper.host(of: "") == "")
    }
}
