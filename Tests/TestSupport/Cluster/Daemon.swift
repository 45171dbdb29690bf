import Glibc
import Synchronization

/// A master or a worker of a cluster, that can be killed, stopped and started again.
public final class Daemon: Sendable {
    /// Its label in listings, and the name of its log file.
    public let name: String
    public let logFile: String
    private let executable: String
    private let environment: [String: String]
    private let state: Mutex<(arguments: [String], process: ChildProcess)>

    init(
        name: String, executable: String, arguments: [String], environment: [String: String], logFile: String
    ) throws {
        self.name = name
        self.executable = executable
        self.environment = environment
        self.logFile = logFile
        state = Mutex(
            (arguments, try Self.start(name, executable, arguments, environment, logFile)))
    }

    private static func start(
        _ name: String, _ executable: String, _ arguments: [String], _ environment: [String: String], _ logFile: String
    ) throws -> ChildProcess {
        try ChildProcess(
            name: name, executable: executable, arguments: arguments, environment: environment, output: logFile,
            errors: logFile)
    }

    /// The process that runs now, or ran last.
    public var process: ChildProcess { state.withLock { $0.process } }
    public var pid: pid_t { process.pid }

    /// Starts it again after its end.
    /// - Parameter changing: changes the arguments for this time and all later ones.
    func start(changing: (inout [String]) -> Void = { _ in }) throws {
        try state.withLock { state in
            precondition(!state.process.isRunning, "\(name) is still running")
            changing(&state.arguments)
            state.process = try Self.start(name, executable, state.arguments, environment, logFile)
        }
    }

    /// The value of an option with which it runs now, or ran last.
    func argument(_ option: String) -> String? {
        let arguments = state.withLock { $0.arguments }
        return arguments.firstIndex(of: option).map { arguments[$0 + 1] }
    }

    /// SIGKILL; returns when the process is gone.
    public func kill() async throws {
        process.send(SIGKILL)
        try await process.waitForEnd()
    }

    /// SIGSTOP; returns when the process is stopped.
    public func stop() async throws {
        process.send(SIGSTOP)
        try await eventually("\(name) is stopped") { ProcessTable.entry(pid)?.state == "T" }
    }

    /// SIGCONT.
    public func resume() { process.send(SIGCONT) }

    /// SIGTERM; does not wait for anything.
    public func terminate() { process.send(SIGTERM) }
}
