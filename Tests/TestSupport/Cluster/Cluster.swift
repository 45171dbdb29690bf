import Foundation
import Synchronization
import Testing
import Transport

/// A master and workers as real processes on loopback, for the time of a closure.
///
/// ```swift
/// try await Cluster.with(workers: 2) { cluster in
///     let image = TestImage(width: 640, height: 480)
///     let job = try await cluster.submit("median size=5", [try cluster.file("photo.png", image.png)])
///     try await cluster.workers[0].kill()
///     #expect(try await cluster.result(of: job) == image.processedSerially("median size=5"))
/// }
/// ```
///
/// However the closure ends, every process is killed, by its own number, the last started first; ranks that outlive
/// their worker are an issue of the test. A suite with the trait `.clusterLogs` shows the logs with its first issue.
public final class Cluster: Sendable {
    /// How the workers are laid out.
    public struct Layout: Sendable, Hashable {
        public var workers: Int
        public var slots: Int
        public var ranks: Int
    }

    /// The cluster whose closure is being run, for issues.
    @TaskLocal static var current: Cluster?

    public let layout: Layout
    /// Whether workers and clients encrypt, where no proxy has to read what they say.
    let encryption: Encryption
    let folder: ClusterFolder
    /// The master's, which commands use, too.
    public let secretFile: String
    private let firstAddressFile: String
    private let environment: [String: String]
    private struct Processes {
        var master: Daemon?
        /// Masters that were the cluster's before another one was started.
        var formerMasters: [Daemon] = []
        var workers: [Daemon] = []
        var commands: [CommandRun] = []
        var endpoint: Endpoint?
        var areLogsTaken = false
    }
    private let processes = Mutex(Processes())

    /// What clusters have whose test says nothing: with TESSERA_TEST_TLS=on, any test of processes is one of encrypted
    /// connections, too.
    public static let usualEncryption =
        ProcessInfo.processInfo.environment["TESSERA_TEST_TLS"].flatMap(Encryption.init(rawValue:)) ?? .automatic

    private init(layout: Layout, encryption: Encryption) throws {
        self.layout = layout
        self.encryption = encryption
        folder = try ClusterFolder()
        let bytes = (0..<32).map { _ in UInt8.random(in: 33...126) }
        secretFile = try folder.write(bytes, to: "secret")
        firstAddressFile = folder.file("address")
        environment = Programs.environment(home: folder.path)
    }

    /// Starts a master and workers, calls `body` once all workers are registered, and removes everything afterwards.
    ///
    /// - Parameters:
    ///   - ranks: in each slot.
    ///   - chunkBytes: raw bytes of a chunk where a job says nothing else.
    ///   - audit: the share of the tasks that is audited where a job says nothing else. A sample would make the number of attempts
    ///     depend on chance.
    ///   - encryption: of the workers and clients; the master takes every connection from its own machine.
    ///   - masterArguments: more of the master's options.
    public static func with<Result: Sendable>(
        workers: Int = 2, slots: Int = 1, ranks: Int = 2, chunkBytes: Int = 16 << 20, audit: String = "0",
        encryption: Encryption = usualEncryption, masterArguments: [String] = [], workerArguments: [String] = [],
        _ body: (Cluster) async throws -> Result
    ) async throws -> Result {
        let cluster = try Cluster(
            layout: Layout(workers: workers, slots: slots, ranks: ranks), encryption: encryption)
        return try await $current.withValue(cluster) {
            let result: Swift.Result<Result, any Error>
            do {
                try await cluster.start(chunkBytes: chunkBytes, ["--audit", audit] + masterArguments, workerArguments)
                result = .success(try await body(cluster))
            } catch {
                result = .failure(error)
                // An error that the test does not expect shows the logs here; an expectation's has shown them already.
                if !(error is ExpectationFailedError) { Issue.record(error, "the cluster's test ended by this error") }
            }
            await cluster.end()
            return try result.get()
        }
    }

    /// The secret that clients prove: the first one of the file as it is now.
    public var secret: SharedSecret {
        do { return try SharedSecret(file: secretFile) } catch { preconditionFailure("\(error)") }
    }

    public var master: Daemon {
        guard let master = processes.withLock({ $0.master }) else { preconditionFailure("no master was started") }
        return master
    }

    public var workers: [Daemon] { processes.withLock { $0.workers } }

    /// Where the master serves.
    public var endpoint: Endpoint {
        guard let endpoint = processes.withLock({ $0.endpoint }) else { preconditionFailure("no master has served") }
        return endpoint
    }

    // MARK: Starting

    private func start(chunkBytes: Int, _ masterArguments: [String], _ workerArguments: [String]) async throws {
        let master = try Daemon(
            name: "master", executable: Programs.path("tessera-master"),
            arguments: [
                "--listen", "127.0.0.1:0", "--state-dir", folder.file("state"), "--secret-file", secretFile,
                "--address-file", firstAddressFile, "--chunk-bytes", String(chunkBytes), "--log-level", "debug",
            ] + masterArguments, environment: environment, logFile: folder.file("master.log"))
        processes.withLock { $0.master = master }
        try await waitForMaster()
        for _ in 0..<layout.workers { try startWorker(workerArguments) }
        try await waitForWorkers()
    }

    /// Starts one more worker; does not wait for it.
    /// - Parameters:
    ///   - through: where it is to find the master, when not at its own address.
    ///   - masters: the same as several addresses.
    @discardableResult
    public func startWorker(
        _ arguments: [String] = [], secretFile: String? = nil, through proxy: Endpoint? = nil, masters: String? = nil
    ) throws -> Daemon {
        let name = "worker-\(workers.count)"
        let worker = try Daemon(
            name: name, executable: Programs.path("tessera-worker"),
            arguments: [
                "--master", masters ?? "\(proxy ?? endpoint)", "--secret-file", secretFile ?? self.secretFile,
                "--slots",
                String(layout.slots), "--ranks", String(layout.ranks), "--name", name, "--scratch-dir", folder.scratch,
                "--log-level", "debug",
            ] + arguments, environment: environment(through: proxy), logFile: folder.file("\(name).log"))
        processes.withLock { $0.workers.append(worker) }
        return worker
    }

    /// Starts a worker again after its end.
    public func restart(_ worker: Daemon) throws { try worker.start() }

    /// Starts the master again, on the same state and the same port; returns when it serves.
    /// - Parameter options: that have another value from now on.
    public func restartMaster(_ options: [String: String] = [:]) async throws {
        try FileManager.default.removeItem(atPath: master.argument("--address-file") ?? firstAddressFile)
        let changed = options.merging(["--listen": "\(endpoint)"]) { $1 }
        try master.start { arguments in
            for (option, value) in changed.sorted(by: { $0.key < $1.key }) {
                if let at = arguments.firstIndex(of: option) {
                    arguments[at + 1] = value
                } else {
                    arguments += [option, value]
                }
            }
        }
        try await waitForMaster()
    }

    /// Starts one more master, on another state directory and, where no address is given, a port of its own: it is the cluster's from now on.
    /// - Returns: the one that was until now, running or not.
    public func startAnotherMaster(stateDirectory: String, at address: Endpoint? = nil) async throws -> Daemon {
        let former = master
        let number = processes.withLock { $0.formerMasters.count } + 2
        let another = try Daemon(
            name: "master-\(number)", executable: Programs.path("tessera-master"),
            arguments: [
                "--listen", address.map(\.description) ?? "127.0.0.1:0", "--state-dir", stateDirectory, "--secret-file",
                secretFile,
                "--address-file", folder.file("address-\(number)"), "--audit", "0", "--log-level", "debug",
            ], environment: environment, logFile: folder.file("master-\(number).log"))
        processes.withLock { processes in
            processes.formerMasters.append(former)
            processes.master = another
        }
        try await waitForMaster()
        return former
    }

    /// Starts a former master again at its address; the cluster's stays the one that it is. Returns when it listens.
    public func restartFormer(_ former: Daemon, at endpoint: Endpoint) async throws {
        let addressFile = try #require(former.argument("--address-file"))
        try FileManager.default.removeItem(atPath: addressFile)
        try former.start { arguments in
            guard let at = arguments.firstIndex(of: "--listen") else { return }
            arguments[at + 1] = "\(endpoint)"
        }
        try await eventually("\(former.name) serves") { FileManager.default.fileExists(atPath: addressFile) }
    }

    private func waitForMaster() async throws {
        let master = master
        let addressFile = master.argument("--address-file") ?? firstAddressFile
        let text = try await eventually("the master serves") { () throws -> String? in
            if let end = master.process.end { throw DidNotHappen(description: "the master ended at its start: \(end)") }
            return try? String(contentsOfFile: addressFile, encoding: .utf8)
        }
        let endpoint = try Endpoint(parsing: text.trimmingCharacters(in: .newlines))
        processes.withLock { $0.endpoint = endpoint }
    }

    /// Waits until every worker whose process lives is registered.
    public func waitForWorkers() async throws {
        let expected = workers.filter { $0.process.isRunning }
        let names = Set(expected.map(\.name))
        try await withMaster { master in
            try await eventually("\(names.sorted()) are registered") {
                if let ended = expected.first(where: { !$0.process.isRunning }) {
                    throw DidNotHappen(description: "\(ended.name) ended before it was registered")
                }
                return names.isSubset(of: try await master.workers().filter { $0.state == .alive }.map(\.name))
            }
        }
    }

    // MARK: Commands

    /// Starts the command line client; it finds master and secret by its environment.
    /// - Parameters:
    ///   - input: what it reads from standard input.
    ///   - through: where it is to find the master, when not at its own address.
    ///   - masters: the same as several addresses.
    public func start(
        _ arguments: [String], input: [UInt8]? = nil, through proxy: Endpoint? = nil, masters: String? = nil
    ) throws -> CommandRun {
        let number = processes.withLock { $0.commands.count }
        let inputFile = try input.map { try folder.write($0, to: "command-\(number).in") }
        var environment = environment(through: proxy)
        environment["TESSERA_MASTER"] = masters ?? "\(proxy ?? endpoint)"
        environment["TESSERA_SECRET_FILE"] = secretFile
        environment["TESSERA_PROGRESS"] = "none"
        let command = try CommandRun(
            executable: Programs.path("tessera"), arguments: arguments, environment: environment,
            input: inputFile ?? "/dev/null", outputFile: folder.file("command-\(number).out"),
            errorFile: folder.file("command-\(number).err"))
        processes.withLock { $0.commands.append(command) }
        return command
    }

    /// Runs the command line client to its end.
    public func run(_ arguments: String..., input: [UInt8]? = nil) async throws -> CommandRun.Outcome {
        try await start(arguments, input: input).outcome()
    }

    /// The environment of a worker or a client.
    private func environment(through proxy: Endpoint?) -> [String: String] {
        var environment = environment
        // A proxy reads the frames.
        environment["TESSERA_TLS"] = (proxy == nil ? encryption : .never).rawValue
        return environment
    }

    // MARK: Ends

    /// The ranks of a worker's worlds.
    public func rankProcesses(of worker: Daemon) -> [ProcessTable.Entry] {
        let pid = worker.pid
        return ProcessTable.descendants(of: pid).filter { $0.name.hasPrefix("tessera-rank") && $0.parent != pid }
    }

    /// The workers' directory in shared memory.
    public var scratchPath: String { folder.scratch }

    /// What workers have in shared memory.
    public func scratchFolders() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.scratch)
    }

    /// Waits until a rank of the worker computes: one that waits for work sleeps.
    public func waitForBusyRank(of worker: Daemon) async throws -> ProcessTable.Entry {
        try await eventually("a rank of \(worker.name) computes", every: .milliseconds(1)) {
            rankProcesses(of: worker).first { $0.state == "R" }
        }
    }

    /// Kills everything, the last started first, and checks that no rank is left.
    private func end() async {
        let processes = processes.withLock { $0 }
        for command in processes.commands.reversed() { await Self.finish(command.process) }
        for worker in processes.workers.reversed() {
            let family = ProcessTable.descendants(of: worker.pid)
            await Self.finish(worker.process)
            do {
                try await eventually("the ranks of \(worker.name) are gone", within: .seconds(5)) {
                    !family.contains(where: ProcessTable.isRunning)
                }
            } catch {
                Issue.record(error)
                for orphan in family { orphan.send(SIGKILL) }
            }
        }
        for master in processes.formerMasters + [processes.master].compactMap(\.self) {
            await Self.finish(master.process)
        }
        folder.remove()
    }

    private static func finish(_ process: ChildProcess) async {
        process.send(SIGKILL)
        // Also when the test's task is cancelled by its time limit: then `eventually` cannot wait.
        while process.isRunning { await Task.yield() }
    }

    /// The ends of all logs, the first time.
    func takeLogs() -> String? {
        let (isFirst, daemons) = processes.withLock { processes in
            defer { processes.areLogsTaken = true }
            let masters = processes.formerMasters + [processes.master].compactMap(\.self)
            return (!processes.areLogsTaken, masters + processes.workers)
        }
        guard isFirst else { return nil }
        return daemons.map { daemon in
            let log = (try? String(contentsOfFile: daemon.logFile, encoding: .utf8)) ?? ""
            return "---- \(daemon.name)\n" + log.split(separator: "\n").suffix(40).joined(separator: "\n")
        }.joined(separator: "\n")
    }
}

extension Trait where Self == IssueHandlingTrait {
    /// Shows the ends of a cluster's logs with its first issue.
    public static var clusterLogs: Self {
        .compactMapIssues { issue in
            guard let logs = Cluster.current?.takeLogs() else { return issue }
            var issue = issue
            issue.comments.append(Comment(rawValue: "the cluster's logs:\n" + logs))
            return issue
        }
    }
}
