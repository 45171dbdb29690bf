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
        write("\(WallClock.now.utcText) \(level) \(LogLine.escaped(label)) \(LogLine.text(event.message, facts))\n")
    }

    /// Whether stderr is a terminal and `NO_COLOR` is empty or not set (`https://no-color.org`).
    package static func standardErrorTakesColor() -> Bool {
        takesColor(isTerminal: isatty(STDERR_FILENO) == 1, environment: ThisProcess.environment)
    }

    static func takesColor(isTerminal: Bool, environment: (String) -> String?) -> Bool {
        isTerminal && (environment("NO_COLOR") ?? "").isEmpty && environment("TERM") != "dumb"
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
