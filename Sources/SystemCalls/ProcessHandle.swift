import CSystemCalls
import Glibc

/// A process by its number and the time of its start: no later process has both.
package struct ProcessIdentity: Hashable, Sendable {
    package let pid: pid_t
    /// In clock ticks since the system's start.
    package let startTime: UInt64

    package init(pid: pid_t, startTime: UInt64) {
        self.pid = pid
        self.startTime = startTime
    }

    /// The process that has the number now; `nil` without one.
    package init?(of pid: pid_t) {
        guard let status = ProcessStatus(of: pid) else { return nil }
        self = status.identity
    }
}

/// What `/proc/PID/stat` says of a process; see proc(5).
private struct ProcessStatus {
    let identity: ProcessIdentity
    /// Whether its first thread has ended.
    let isZombie: Bool

    init?(of pid: pid_t) {
        // pid (name) state ...: the name may have spaces and parentheses of its own. The manual counts the start as field 22.
        guard pid > 0, let text = smallFile(at: "/proc/\(pid)/stat"), let end = text.lastIndex(of: ")") else {
            return nil
        }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 19, let startTime = UInt64(fields[19]) else { return nil }
        identity = ProcessIdentity(pid: pid, startTime: startTime)
        isZombie = fields[0] == "Z" || fields[0] == "X"
    }
}

/// A hold on one process: signals reach it or nobody, and its end can be waited for by `poll`.
package final class ProcessHandle: Sendable {
    package let identity: ProcessIdentity
    private let process: OwnedDescriptor

    /// The longest time that the threads of a process that was killed may need to end.
    private static let dyingMilliseconds: CInt = 5000

    /// Waits for a process that is about to end: its first thread has ended, as when it was killed, and others are still ending.
    /// - Returns: `nil` when the very process has ended.
    package init?(_ identity: ProcessIdentity) {
        guard identity.pid > 0, let process = OwnedDescriptor(result: tsr_system_open_process(identity.pid)),
            // Looked at when the descriptor is there: if the number was another's by then, so is the time of start.
            let status = ProcessStatus(of: identity.pid), status.identity == identity
        else { return nil }
        self.identity = identity
        if status.isZombie {
            var query = pollfd(fd: process.number, events: Int16(POLLIN), revents: 0)
            poll(&query, 1, Self.dyingMilliseconds)
        }
        self.process = process
        // One that has ended, but was not collected by its parent, has a number too.
        if !isRunning { return nil }
    }

    /// Readable once the process has ended. Borrowed.
    package var descriptor: CInt { process.number }

    package var isRunning: Bool {
        var query = pollfd(fd: process.number, events: Int16(POLLIN), revents: 0)
        return poll(&query, 1, 0) == 0
    }

    /// How a process ended.
    package enum End: Hashable, Sendable, CustomStringConvertible {
        case exited(status: CInt)
        case killed(signal: CInt)

        package var description: String {
            switch self {
            case .exited(let status): "ended with status \(status)"
            case .killed(let signal): "was killed by signal \(signal)"
            }
        }
    }

    /// Collects a child of this process; `nil` when it still runs, was collected before, or is not a child.
    package func collect() -> End? {
        var status: CInt = 0
        guard waitpid(identity.pid, &status, WNOHANG) == identity.pid else { return nil }
        // The macros of wait(2): the low seven bits are the signal, the next byte the exit status.
        let signal = status & 0x7f
        return signal == 0 ? .exited(status: status >> 8 & 0xff) : .killed(signal: signal)
    }

    /// Sends a signal; one that has ended gets none.
    /// - Throws: `EPERM` for a process of another user.
    package func send(_ signal: CInt) throws(SystemError) {
        let code = tsr_system_signal_process(process.number, signal)
        guard code == 0 || code == ESRCH else { throw SystemError(code: code) }
    }
}

/// A daemon that was started by this process, and does not run yet: it can be written down before it does anything. It ends,
/// having run nothing, with the last reference to a value that was not released.
package final class HeldProcess: Sendable {
    package let handle: ProcessHandle
    /// Closed without a word, it ends the process. With the word, nothing depends on it.
    private let gate: OwnedDescriptor

    /// - Parameters:
    ///   - path: of the program, absolute.
    ///   - arguments: the program's name first.
    ///   - output: its standard output and error.
    package init(
        path: String, arguments: [String], environment: [String: String], output: borrowing OwnedDescriptor
    ) throws(SystemError) {
        var process: pid_t = 0
        var gate: CInt = -1
        let number = output.number
        let code = withCStrings([path]) { path in
            withCStrings(arguments) { argv in
                withCStrings(environment.map { "\($0)=\($1)" }) { envp in
                    tsr_system_start_held(path[0], argv, envp, number, &process, &gate)
                }
            }
        }
        guard code == 0 else { throw SystemError(code: code) }
        let owned = OwnedDescriptor(gate)
        // Its number is its own until it was collected, which nobody else does.
        guard let identity = ProcessIdentity(of: process), let handle = ProcessHandle(identity) else {
            throw SystemError(code: ESRCH)
        }
        self.gate = owned
        self.handle = handle
    }

    /// Lets it run.
    package func release() throws(SystemError) {
        let code = tsr_system_release(gate.number)
        guard code == 0 else { throw SystemError(code: code) }
    }
}

extension Machine {
    /// A name for the time since the system's start: numbers of processes mean nothing in another one.
    package static var bootID: String {
        String((smallFile(at: "/proc/sys/kernel/random/boot_id") ?? "").prefix { $0 != "\n" })
    }
}
