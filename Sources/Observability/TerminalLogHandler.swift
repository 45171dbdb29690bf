import Glibc
import Logging

/// Writes each event as one line to stderr: time (UTC), level, label, message, and the facts by name.
///
///     2026-11-20T21:31:43.042Z warning master worker lost job.id=7 worker.id=w3
public struct TerminalLogHandler: LogHandler {
    public var logLevel: Logger.Level
    public var metadata: Logger.Metadata = [:]
    public var metadataProvider: Logger.MetadataProvider?

    private let label: String
    private let isColoured: Bool
    private let write: @Sendable (String) -> Void

    /// - Parameters:
    ///   - isColoured: whether the level is coloured; by default when stderr is a terminal that has not declined it.
    ///   - write: takes a whole line, line end included.
    public init(
        label: String, level: Logger.Level = .info, metadataProvider: Logger.MetadataProvider? = nil,
        isColoured: Bool = Self.standardErrorTakesColour(),
        write: @escaping @Sendable (String) -> Void = Self.writeToStandardError
    ) {
        self.label = label
        self.logLevel = level
        self.metadataProvider = metadataProvider
        self.isColoured = isColoured
        self.write = write
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        let facts = LogLine.facts(of: event, handler: metadata, provider: metadataProvider)
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        let level = isColoured ? "\u{1B}[\(event.level.colour)m\(event.level)\u{1B}[0m" : event.level.rawValue
        write("\(Self.text(time)) \(level) \(LogLine.escaped(label)) \(LogLine.text(event.message, facts))\n")
    }

    /// Colour is for terminals, unless NO_COLOR is set to anything (https://no-color.org).
    public static func standardErrorTakesColour() -> Bool {
        takesColour(isTerminal: isatty(STDERR_FILENO) == 1, environment: ProcessEnvironment.value)
    }

    static func takesColour(isTerminal: Bool, environment: (String) -> String?) -> Bool {
        isTerminal && (environment("NO_COLOR") ?? "").isEmpty && environment("TERM") != "dumb"
    }

    /// One write(2) a line, so that lines of several threads and processes do not mix.
    public static let writeToStandardError: @Sendable (String) -> Void = { line in
        var rest = line
        rest.withUTF8 { bytes in
            var position = 0
            while position < bytes.count {
                let count = Glibc.write(STDERR_FILENO, bytes.baseAddress.map { $0 + position }, bytes.count - position)
                guard count > 0 || errno == EINTR else { return }  // Nobody is left to tell.
                position += max(count, 0)
            }
        }
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
    fileprivate var colour: Int {
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
