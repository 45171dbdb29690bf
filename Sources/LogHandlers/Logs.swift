import Glibc
import Logging
import Names
import Synchronization
import SystemCalls

/// The destination of a daemon's log.
package enum Logs {
    private static let levelIndex = Atomic(Logger.Level.info.index)

    /// The least level that is written, of all loggers that have none of their own. It may be changed at any time.
    package static var level: Logger.Level {
        get { Logger.Level.allCases[levelIndex.load(ordering: .relaxed)] }
        set { levelIndex.store(newValue.index, ordering: .relaxed) }
    }

    /// Sends all loggers of the process to the systemd journal if stderr is connected to it, else to stderr. To be called once,
    /// before the first logger is created.
    package static func bootstrap(level: Logger.Level, metadataProvider: Logger.MetadataProvider? = nil) {
        Self.level = level
        let program = BytePath(text: CommandLine.arguments.first ?? "").fileName?.text ?? "tessera"
        if standardErrorIsJournal(stream: ThisProcess.environment("JOURNAL_STREAM")) {
            LoggingSystem.bootstrap(
                { label, provider in
                    AdjustableLogHandler(
                        JournaldLogHandler(label: label, identifier: program, metadataProvider: provider))
                }, metadataProvider: metadataProvider)
        } else {
            LoggingSystem.bootstrap(
                { label, provider in AdjustableLogHandler(TerminalLogHandler(label: label, metadataProvider: provider))
                },
                metadataProvider: metadataProvider)
        }
    }

    /// Whether stderr is the stream that systemd connected to the journal. The variable alone does not prove it: children
    /// inherit the variable even if their stderr is redirected (systemd.exec(5), $JOURNAL_STREAM).
    /// - Parameter stream: the value of JOURNAL_STREAM, "device:inode".
    static func standardErrorIsJournal(stream: String?, descriptor: CInt = STDERR_FILENO) -> Bool {
        var status = stat()
        guard let stream, fstat(descriptor, &status) == 0 else { return false }
        return stream == "\(status.st_dev):\(status.st_ino)"
    }
}

extension Logger.Level {
    fileprivate var index: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// A handler whose level is `Logs.level`, also after that has changed, until a logger is given one of its own.
struct AdjustableLogHandler: LogHandler {
    private var base: any LogHandler
    private var ownLevel: Logger.Level?

    init(_ base: any LogHandler) { self.base = base }

    var logLevel: Logger.Level {
        get { ownLevel ?? Logs.level }
        set { ownLevel = newValue }
    }

    var metadata: Logger.Metadata {
        get { base.metadata }
        set { base.metadata = newValue }
    }

    var metadataProvider: Logger.MetadataProvider? {
        get { base.metadataProvider }
        set { base.metadataProvider = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { base[metadataKey: key] }
        set { base[metadataKey: key] = newValue }
    }

    func log(event: LogEvent) { base.log(event: event) }
}
