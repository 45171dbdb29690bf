import ClientKit

/// The exit status for the shell. The numbers are part of the interface: docs/cli.md lists them.
enum ExitStatus: Int32, Sendable, CaseIterable {
    case done = 0
    /// The job failed, or the command could not be carried out.
    case failed = 1
    /// Some images are done, some failed (or could not be read).
    case partlyFailed = 3
    /// The master does not accept our secret, or we have none.
    case notAuthorised = 4
    case unreachable = 5
    /// The command line, the pipeline or a setting is wrong (EX_USAGE of sysexits.h).
    case usage = 64
    /// SIGHUP, as shells count it: the terminal is gone.
    case hungUp = 129
    /// SIGINT, as shells count it.
    case interrupted = 130
    /// SIGQUIT, as shells count it.
    case quit = 131
    /// The reader of our output went away; what a death by SIGPIPE would have shown.
    case brokenPipe = 141
    /// SIGTERM, as shells count it.
    case terminated = 143

    /// The status for the end of a job.
    init(_ state: JobSummary.State) {
        switch state {
        case .done: self = .done
        case .partlyFailed: self = .partlyFailed
        case .failed, .cancelled: self = .failed
        case .open, .running, .other: self = .failed
        }
    }

    /// The status for the end of an image.
    init(_ state: ImageStatus.State) { self = state == .done ? .done : .failed }

    /// The status for a command that ended by `error`.
    init(_ error: ClientError) {
        switch error.kind {
        case .failed: self = .failed
        case .usage: self = .usage
        case .notAuthorised: self = .notAuthorised
        case .unreachable: self = .unreachable
        case .interrupted: self = Interruption.status
        case .brokenPipe: self = .brokenPipe
        }
    }

    /// One status for several things: done when all are, partly failed when only some are.
    static func combined(_ statuses: [ExitStatus]) -> ExitStatus {
        guard let first = statuses.first else { return .done }
        return statuses.allSatisfy { $0 == first } ? first : .partlyFailed
    }
}
