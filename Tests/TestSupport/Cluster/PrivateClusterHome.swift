import Foundation
import Synchronization
import Testing

/// A home of its own for a private cluster, in which a test runs `tessera up` and `tessera down`.
///
/// The daemons are not children of the test, and outlive the commands that start them. However the closure ends, those that its
/// record has ever named are killed, each by its number and its time of start.
public final class PrivateClusterHome: Sendable {
    public let path: String
    /// A process for ever.
    public struct Process: Hashable, Sendable {
        public let pid: pid_t
        public let startTime: UInt64

        public var isRunning: Bool { entry != nil }

        fileprivate var entry: ProcessTable.Entry? {
            guard let entry = ProcessTable.entry(pid), entry.startTime == startTime, ProcessTable.isRunning(entry)
            else {
                return nil
            }
            return entry
        }
    }

    private struct Seen {
        var daemons: Set<Process> = []
        var commands: [CommandRun] = []
    }
    private let seen = Mutex(Seen())

    private init() throws {
        _ = Self.leftoversRemoved
        var template = Array("/tmp/\(Self.prefix)\(getpid())-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw CocoaError(.fileWriteUnknown) }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    public static func with<Result>(_ body: (PrivateClusterHome) async throws -> Result) async throws -> Result {
        let home = try PrivateClusterHome()
        let result: Swift.Result<Result, any Error>
        do {
            result = .success(try await body(home))
        } catch {
            result = .failure(error)
        }
        await home.end()
        return try result.get()
    }

    /// The directory of the cluster's files.
    public var directory: String { Self.directory(of: path) }
    public var recordFile: String { directory + "/cluster.json" }

    private static let prefix = "tessera-private-"
    private static func directory(of home: String) -> String { home + "/.local/state/tessera/private" }

    // MARK: Commands

    /// Starts `tessera` without any settings but those given.
    public func start(_ arguments: [String], environment more: [String: String] = [:]) throws -> CommandRun {
        let number = seen.withLock { $0.commands.count }
        let environment = Programs.environment(home: path).merging(["TESSERA_PROGRESS": "none"]) { $1 }
            .merging(more) { $1 }
        let command = try CommandRun(
            executable: Programs.path("tessera"), arguments: arguments, environment: environment, input: "/dev/null",
            outputFile: "\(path)/command-\(number).out", errorFile: "\(path)/command-\(number).err")
        seen.withLock { $0.commands.append(command) }
        return command
    }

    /// Runs `tessera` to its end.
    @discardableResult
    public func run(_ arguments: String..., environment: [String: String] = [:]) async throws -> CommandRun.Outcome {
        let outcome = try await start(arguments, environment: environment).outcome()
        note()
        return outcome
    }

    // MARK: Daemons

    /// What the record says of a daemon.
    public struct Daemon: Decodable, Hashable, Sendable {
        public var pid: pid_t?
        public var start_time: UInt64?
        public var address: String?
    }

    private struct Record: Decodable {
        var daemons: [String: Daemon]
    }

    /// The daemons of the record, by name: `master`, `worker`, `web`; `nil` without a record.
    public var record: [String: Daemon]? { Self.record(of: directory) }

    private static func record(of directory: String) -> [String: Daemon]? {
        (try? Data(contentsOf: URL(fileURLWithPath: directory + "/cluster.json")))
            .flatMap { try? JSONDecoder().decode(Record.self, from: $0) }?.daemons
    }

    /// The processes of the record that run.
    public var running: [String: Process] { Self.running(record ?? [:]) }

    private static func running(_ record: [String: Daemon]) -> [String: Process] {
        record.compactMapValues { daemon in
            guard let pid = daemon.pid, let startTime = daemon.start_time else { return nil }
            let process = Process(pid: pid, startTime: startTime)
            return process.isRunning ? process : nil
        }
    }

    /// Notes what has to be gone at the end.
    public func note() {
        let running = running.values
        seen.withLock { $0.daemons.formUnion(running) }
    }

    /// The daemons that were ever noted and still run.
    public var survivors: Set<Process> { seen.withLock { $0.daemons }.filter(\.isRunning) }

    /// SIGKILL; returns when the process is gone.
    public func kill(_ name: String) async throws {
        let process = try #require(running[name], "\(name) does not run")
        process.entry?.send(SIGKILL)
        try await eventually("\(name) is gone") { !process.isRunning }
    }

    private func end() async {
        let commands = seen.withLock { $0.commands }
        for command in commands { command.process.send(SIGKILL) }
        for command in commands { while command.process.isRunning { await Task.yield() } }
        note()
        Self.kill(survivors)
        try? FileManager.default.removeItem(atPath: path)
    }

    private static func kill(_ processes: some Collection<Process>) {
        for process in processes { process.entry?.send(SIGKILL) }
    }

    /// Ends what a test process that crashed has left; done once per test process.
    private static let leftoversRemoved: Bool = {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: "/tmp")) ?? [] where name.hasPrefix(prefix) {
            guard let owner = name.dropFirst(prefix.count).split(separator: "-").first.flatMap({ pid_t($0) }),
                Glibc.kill(owner, 0) != 0, errno == ESRCH
            else { continue }
            kill(running(record(of: directory(of: "/tmp/" + name)) ?? [:]).values)
            try? FileManager.default.removeItem(atPath: "/tmp/" + name)
        }
        return true
    }()
}
