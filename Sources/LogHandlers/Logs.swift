import Glibc
import Logging
import Names
import SystemCalls

/// The destination of a daemon's log.
package enum Logs {
    /// Sends all loggers of the process to the systemd journal if stderr is connected to it, else to stderr. To be called once,
    /// before the first logger is created.
    package static func bootstrap(level: Logger.Level, metadataProvider: Logger.MetadataProvider? = nil) {
        let program = BytePath(text: CommandLine.arguments.first ?? "").fileName?.text ?? "tessera"
        if standardErrorIsJournal(stream: ThisProcess.environment("JOURNAL_STREAM")) {
            LoggingSystem.bootstrap(
                { label, provider in
                    JournaldLogHandler(label: label, identifier: program, level: level, metadataProvider: provider)
                }, metadataProvider: metadataProvider)
        } else {
            LoggingSystem.bootstrap(
                { label, provider in TerminalLogHandler(label: label, level: level, metadataProvider: provider) },
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
