import JobModel

/// What the command tells the shell. The numbers are part of the interface: docs/cli.md lists them.
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
    /// SIGINT, as shells count it.
    case interrupted = 130
    /// Whoever read our output went away; what a death by SIGPIPE would have shown.
    case brokenPipe = 141
    /// SIGTERM, as shells count it.
    case terminated = 143

    /// How a job's end is told.
    init(_ state: JobState) {
        switch state {
        case .done: self = .done
        case .partlyFailed: self = .partlyFailed
        case .failed, .cancelled: self = .failed
        case .open, .running: self = .failed
        }
    }

    /// One status for several things: done when all are, partly failed when only some are.
    static func combined(_ statuses: [ExitStatus]) -> ExitStatus {
        guard let first = statuses.first else { return .done }
        return statuses.allSatisfy { $0 == first } ? first : .partlyFailed
    }
}
