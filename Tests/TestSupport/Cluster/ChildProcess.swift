import CTestProcess
import Glibc
import Names
import Synchronization

/// A process that a test started: signalled by its own number only, and collected exactly once.
///
/// Its number stays its own until its end has been collected here, so a signal can never hit another process. It does not
/// outlive the test process: the kernel kills it when that ends, by a crash too.
public final class ChildProcess: Sendable {
    /// How a process ended.
    public enum End: Hashable, Sendable {
        case exited(Int32)
        case killed(signal: Int32)
    }

    /// A process could not be started.
    public struct NotStarted: Error, CustomStringConvertible {
        public let description: String
    }

    /// For messages.
    public let name: String
    public let pid: pid_t
    private let collected = Mutex<End?>(nil)

    /// Starts `executable` with exactly the environment given.
    ///
    /// - Parameters:
    ///   - input: the file that is its standard input.
    ///   - output: the file that its standard output is appended to.
    ///   - errors: the same for its standard error; may be the same file.
    public init(
        name: String, executable: String, arguments: [String], environment: [String: String],
        input: String = "/dev/null", output: String, errors: String
    ) throws(NotStarted) {
        var process: pid_t = 0
        let code = Self.withoutStarting {
            withCStrings([executable] + arguments) { argv in
                withCStrings(environment.map { "\($0)=\($1)" }) { envp in
                    tsr_test_spawn(executable, argv, envp, input, output, errors, &process)
                }
            }
        }
        guard code == 0 else {
            throw NotStarted(description: "cannot start \(executable): \(String(cString: strerror(code)))")
        }
        self.name = name
        pid = process
    }

    private static let starting = Mutex(())

    /// Calls `body` while no process is started, for descriptors that none may inherit.
    static func withoutStarting<Result>(_ body: () -> sending Result) -> sending Result {
        starting.withLock { _ in body() }
    }

    /// How it ended; `nil` as long as it lives.
    public var end: End? {
        collected.withLock { end in
            if end == nil { end = collect() }
            return end
        }
    }

    public var isRunning: Bool { end == nil }

    /// Sends a signal, unless the process has ended.
    public func send(_ signal: Int32) {
        collected.withLock { end in
            if end == nil { end = collect() }
            if end == nil { Glibc.kill(pid, signal) }
        }
    }

    /// Waits for the end.
    @discardableResult
    public func waitForEnd(within limit: Duration = .seconds(30)) async throws -> End {
        try await eventually("\(name) (process \(pid)) ends", within: limit) { end }
    }

    /// Called under the lock.
    private func collect() -> End? {
        var status: Int32 = 0
        guard waitpid(pid, &status, WNOHANG) == pid else { return nil }
        // The macros of wait(2): the low seven bits are the signal, the next byte the exit status.
        let signal = status & 0x7f
        return signal == 0 ? .exited((status >> 8) & 0xff) : .killed(signal: signal)
    }
}

/// Calls `body` with a C array of C strings, ended by a null pointer.
private func withCStrings<Result>(
    _ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
    let pointers = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: strings.count + 1)
    for (index, string) in strings.enumerated() {
        (pointers + index).initialize(to: BytePath(text: string).withCString { strdup($0) })
    }
    (pointers + strings.count).initialize(to: nil)
    defer {
        for index in strings.indices { free(pointers[index]) }
        pointers.deallocate()
    }
    return body(pointers)
}
