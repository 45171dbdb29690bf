import ClientKit
import Names
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A receiver of text: a file descriptor, or a test's record.
protocol TextSink: Sendable {
    /// - Throws: `ClientError` of the kind `brokenPipe` when the reader has gone.
    func write(_ text: String) throws(ClientError)
    /// The columns of the terminal; `nil` when it is not one.
    var terminalWidth: Int? { get }
}

/// Standard output for data, standard error for everything else; the progress line and the messages share the latter
/// without tearing each other.
final class Console: Sendable {
    private let output: any TextSink
    private let errors: any TextSink
    private let isJSON: Bool
    /// Whether tables on standard output have colours.
    let isColored: Bool
    /// The progress line at the bottom of the terminal, without a line feed.
    private let statusLine = Mutex("")

    init(
        output: any TextSink = FileSink(STDOUT_FILENO), errors: any TextSink = FileSink(STDERR_FILENO), isJSON: Bool,
        environment: (String) -> String? = { getenv($0).map { String(cString: $0) } }
    ) {
        self.output = output
        isColored = StateColor.isWanted(isTerminal: output.terminalWidth != nil, environment: environment)
        self.errors = errors
        self.isJSON = isJSON
    }

    /// The columns of the terminal that standard error is.
    var terminalWidth: Int? { errors.terminalWidth }

    /// Writes `text` to standard output; what could steer a terminal is escaped, except line feeds.
    func write(_ text: String) throws(ClientError) { try write(escaped: ShownText.lines(text)) }

    /// Writes a table, whose cells are escaped, with the colours of its states to standard output.
    func write(table: String) throws(ClientError) { try write(escaped: table) }

    private func write(escaped text: String) throws(ClientError) {
        let hidden = statusLine.withLock { line in
            if !line.isEmpty { try? errors.write(Self.clearLine) }
            return line
        }
        try output.write(text)
        if !hidden.isEmpty { try? errors.write(hidden) }
    }

    /// Writes one JSON value and a line feed to standard output.
    func write(_ json: JSON) throws(ClientError) { try write(json.text + "\n") }

    /// Writes a line for a person to standard error; programs that asked for JSON get an object.
    func note(_ text: String, code: String = "note") {
        let line = isJSON ? (["note": ["code": .string(code), "message": .string(text)]] as JSON).text : text
        writeError(line + "\n")
    }

    /// Writes a line about the master or the workers to standard error: behind the program's name for a person, and as an
    /// object without it for a program.
    func notice(_ text: String, code: String) { note(isJSON ? text : "tessera: \(text)", code: code) }

    /// Writes the reason why the command ended.
    func report(_ error: ClientError) {
        if error.status == .brokenPipe { return }
        writeError(isJSON ? error.json.text + "\n" : "tessera: \(error.message)\n")
    }

    /// Puts `line` at the bottom of the terminal in place of the one before; an empty line removes it.
    func showStatus(_ line: String) {
        statusLine.withLock { shown in
            guard shown != line else { return }
            try? errors.write((shown.isEmpty ? "" : Self.clearLine) + line)
            shown = line
        }
    }

    /// Errors are ignored: there is no place left to report that standard error is gone.
    private func writeError(_ text: String) {
        let text = ShownText.lines(text)
        statusLine.withLock { line in
            try? errors.write((line.isEmpty ? "" : Self.clearLine) + text + line)
        }
    }

    /// Carriage return, and erase to the end of the line (ECMA-48).
    private static let clearLine = "\r\u{1B}[K"
}

/// A file descriptor as a text sink. It writes at once: nothing is left in a buffer at exit.
struct FileSink: TextSink {
    private let descriptor: Int32

    init(_ descriptor: Int32) { self.descriptor = descriptor }

    func write(_ text: String) throws(ClientError) {
        let name = descriptor == STDOUT_FILENO ? "standard output" : "standard error"
        try FileDescriptor(descriptor).writeAll(Array(text.utf8), name: name)
    }

    var terminalWidth: Int? {
        guard isatty(descriptor) == 1 else { return nil }
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }
}
