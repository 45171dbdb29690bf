import Autoscaling
import ClientKit
import JobModel
import Names
import SystemCalls

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A call of one of the user's two commands. Each is a line of the shell, in the directory in which autoscale was started.
struct FleetCommand: Sendable {
    let line: String
    let environment: [String: String]
    /// The file of its standard output; `nil`: it is thrown away.
    let output: String?
    /// The file of its standard error.
    let errors: String
    let directory: String
    /// The longest time that it may run.
    let limit: Duration

    /// Runs the command to its end. Blocks.
    ///
    /// It has a session of its own: a signal to autoscale does not reach it, and it outlives autoscale, whose next run finds its
    /// output in the file.
    func run() -> CommandEnd {
        let path = output ?? "/dev/null"
        let mode = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC
        guard let file = OwnedDescriptor(result: BytePath(text: path).withCString({ open($0, mode, 0o600) })) else {
            return .failed("was not called: \(ShownText.of(path)) cannot be written: \(SystemError.last)")
        }
        // The next run takes a worker without this file for one whose start command was not called, also after a power cut.
        if output != nil, fsync(file.number) != 0 {
            return .failed("was not called: \(ShownText.of(path)) cannot be written: \(SystemError.last)")
        }
        let process: HeldProcess
        do throws(SystemError) {
            process = try HeldProcess(
                path: "/bin/sh",
                arguments: ["sh", "-c", #"cd "$1" && exec sh -c "$2" 2> "$3""#, "sh", directory, line, errors],
                environment: environment, output: file)
            try process.release()
        } catch {
            return .failed("was not called: /bin/sh cannot be started: \(error)")
        }
        let hasEnded = Self.wait(for: process.handle, limit)
        if !hasEnded {
            // Its number is its own, and its session's, until it was collected.
            for signal in [SIGTERM, SIGKILL] {
                kill(-process.handle.identity.pid, signal)
                if Self.wait(for: process.handle, .seconds(5)) { break }
            }
        }
        let end = process.handle.collect()
        guard hasEnded else {
            return .killed("was killed after \(Units.duration(limit)) (--command-timeout)\(remark)")
        }
        switch end {
        case .exited(status: 0): return .succeeded
        case .exited(let status): return .failed("ended with status \(status)\(remark)")
        case .killed(let signal): return .killed("was killed by signal \(signal)\(remark)")
        case nil: return .killed("ended, and nobody knows how\(remark)")
        }
    }

    /// - Returns: whether it ended within that time.
    private static func wait(for process: ProcessHandle, _ limit: Duration) -> Bool {
        let end = Instant(nanoseconds: BootTimeClock.now) + limit
        while true {
            let rest = (end - Instant(nanoseconds: BootTimeClock.now)).milliseconds
            var query = pollfd(fd: process.descriptor, events: Int16(POLLIN), revents: 0)
            let count = poll(&query, 1, CInt(clamping: max(0, rest)))
            if count > 0 { return true }
            if count == 0, rest <= 0 { return false }
        }
    }

    /// The end of what it wrote to standard error.
    private var remark: String {
        let line = Self.lastLine(of: errors)
        return line.isEmpty ? "" : ": \(ShownText.of(line))"
    }

    /// The last line of a file that is not empty, of at most 400 bytes.
    static func lastLine(of path: String) -> String {
        guard let file = OwnedDescriptor(result: BytePath(text: path).withCString { open($0, O_RDONLY | O_CLOEXEC) })
        else { return "" }
        lseek(file.number, max(0, lseek(file.number, 0, SEEK_END) - 4096), SEEK_SET)
        let text = String(decoding: file.read(upTo: 4096) ?? [], as: UTF8.self)
        let line = text.split(whereSeparator: \.isNewline).last { !$0.allSatisfy(\.isWhitespace) } ?? ""
        var words = line.drop { $0.isWhitespace }
        while words.last?.isWhitespace == true { words.removeLast() }
        return String(words.prefix(400))
    }
}
