import Glibc
import Logging
import SystemCalls

/// Writes each event as one line to stderr: time (UTC), level, label, message and metadata.
///
///     2026-11-20T21:31:43.042Z warning master worker lost job.id=7 worker.id=w3
package struct TerminalLogHandler: LogHandler {
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?

    private let label: String
    private let isColored: Bool
    private let write: @Sendable (String) -> Void

    /// - Parameters:
    ///   - isColored: whether the level has a colour; by default if stderr is a terminal that accepts it.
    ///   - write: writes one line, which includes its line end.
    package init(
        label: String, level: Logger.Level = .info, metadataProvider: Logger.MetadataProvider? = nil,
        isColored: Bool = Self.standardErrorTakesColor(),
        write: @escaping @Sendable (String) -> Void = StandardError.write
    ) {
        self.label = label
        self.logLevel = level
        self.metadataProvider = metadataProvider
        self.isColored = isColored
        self.write = write
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        let facts = LogLine.facts(of: event, handler: metadata, provider: metadataProvider)
        let level = isColored ? "\u{1B}[\(event.level.color)m\(event.level)\u{1B}[0m" : event.level.rawValue
        write("\(Self.text(WallClock.now)) \(level) \(LogLine.escaped(label)) \(LogLine.text(event.message, facts))\n")
    }

    /// Whether stderr is a terminal and `NO_COLOR` is empty or not set (`https://no-color.org`).
    package static func standardErrorTakesColor() -> Bool {
        takesColor(isTerminal: isatty(STDERR_FILENO) == 1, environment: ThisProcess.environment)
    }

    static func takesColor(isTerminal: Bool, environment: (String) -> String?) -> Bool {
        isTerminal && (environment("NO_COLOR") ?? "").isEmpty && environment("TERM") != "dumb"
    }

    /// ISO 8601 with milliseconds, UTC.
    static func text(_ time: timespec) -> String {
        var seconds = time.tv_sec
        var fields = tm()
        gmtime_r(&seconds, &fields)
        func padded(_ number: Int, _ width: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let date = [(fields.tm_year + 1900, 4), (fields.tm_mon + 1, 2), (fields.tm_mday, 2)]
        let hour = [(fields.tm_hour, 2), (fields.tm_min, 2), (fields.tm_sec, 2)]
        return date.map { padded(Int($0), $1) }.joined(separator: "-") + "T"
            + hour.map { padded(Int($0), $1) }.joined(separator: ":") + "." + padded(time.tv_nsec / 1_000_000, 3) + "Z"
    }
}

extension Logger.Level {
    /// The parameter of the ANSI colour sequence.
    fileprivate var color: Int {
        switch self {
        case .trace, .debug: 90
        case .info: 32
        case .notice: 36
        case .warning: 33
        case .error: 31
        case .critical: 35
        }
    }
}
