import Foundation
import Logging
import Synchronization
import Testing

@testable import LogHandlers

/// Keeps what a handler writes.
private final class Lines: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }
    func add(_ line: String) { lines.withLock { $0.append(line) } }
}

@Suite(.serialized) struct AdjustableLogHandlerTests {
    @Test func `a logger that was made before follows a change of the level, unless it has one of its own`() {
        let lines = Lines()
        let before = Logs.level
        defer { Logs.level = before }
        Logs.level = .info
        let logger = Logger(label: "master") { label in
            AdjustableLogHandler(TerminalLogHandler(label: label, isColored: false) { lines.add($0) })
        }
        var own = logger
        own.logLevel = .warning
        logger.debug("first")
        Logs.level = .debug
        logger.debug("second")
        own.debug("third")
        Logs.level = .error
        logger.warning("fourth")
        own.warning("fifth")
        #expect(lines.all.map { $0.split(separator: " ").last.map(String.init) } == ["second\n", "fifth\n"])
    }
}

@Suite struct TerminalLogHandlerTests {
    private func log(
        isColored: Bool = false, label: String = "master", _ body: (inout Logger) -> Void
    ) -> [String] {
        let lines = Lines()
        var logger = Logger(label: label) { label in
            TerminalLogHandler(label: label, level: .info, isColored: isColored) { lines.add($0) }
        }
        body(&logger)
        return lines.all
    }

    /// The line without its time, having checked that it has one.
    private func withoutTime(_ line: String) throws -> String {
        let pattern = try Regex("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z ")
        #expect(line.firstMatch(of: pattern) != nil, "\(line)")
        return String(line.dropFirst(25))
    }

    @Test func `an event is one line with its facts by name`() throws {
        let lines = log { logger in
            logger[metadataKey: "job.id"] = "7"
            logger.warning("worker lost", metadata: ["worker.id": "w3", "attempt": "2", "reason": "connection reset"])
        }
        #expect(lines.count == 1)
        #expect(
            try withoutTime(lines[0])
                == "warning master worker lost attempt=2 job.id=7 reason=\"connection reset\" worker.id=w3\n")
    }

    @Test func `the event's own facts win over the logger's`() throws {
        let lines = log { logger in
            logger[metadataKey: "job.id"] = "7"
            logger.info("done", metadata: ["job.id": "8"])
        }
        #expect(try withoutTime(lines[0]) == "info master done job.id=8\n")
    }

    @Test func `events below the level are not written`() {
        let lines = log { logger in
            logger.debug("unseen")
            logger.logLevel = .debug
            logger.debug("seen")
            logger.trace("unseen")
        }
        #expect(lines.count == 1)
    }

    @Test func `an error is a fact`() throws {
        struct Refused: Error, CustomStringConvertible { let description = "no space left" }
        let lines = log { logger in logger.error("put failed", error: Refused()) }
        #expect(try withoutTime(lines[0]) == "error master put failed error=\"no space left\"\n")
    }

    @Test func `what peers send cannot forge a line or steer the terminal`() throws {
        let lines = log { logger in
            logger.info(
                "submitted\nfake",
                metadata: [
                    "name": "a\n2026-01-01T00:00:00.000Z critical master forged", "escape": "\u{1B}[2J",
                    "quote": "say \"x\" \\", "empty": "", "reversed": "\u{202E}gpj.exe",
                ])
        }
        #expect(lines.count == 1)
        #expect(
            try withoutTime(lines[0])
                == #"info master submitted\nfake empty="" escape=\u{1b}[2J name="a\n2026-01-01T00:00:00.000Z critical "#
                + #"master forged" quote="say \"x\" \\" reversed=\u{202e}gpj.exe"# + "\n")
    }

    @Test func `only the level is coloured`() throws {
        let lines = log(isColored: true) { logger in logger.error("bad", metadata: ["a": "1"]) }
        #expect(try withoutTime(lines[0]) == "\u{1B}[31merror\u{1B}[0m master bad a=1\n")
    }

    @Test func `colour is for terminals that have not declined it`() {
        func takesColor(_ isTerminal: Bool, _ environment: [String: String]) -> Bool {
            TerminalLogHandler.takesColor(isTerminal: isTerminal) { environment[$0] }
        }
        #expect(takesColor(true, ["TERM": "xterm"]))
        #expect(takesColor(true, ["NO_COLOR": ""]))
        #expect(!takesColor(false, ["TERM": "xterm"]))
        #expect(!takesColor(true, ["NO_COLOR": "1"]))
        #expect(!takesColor(true, ["TERM": "dumb"]))
    }
}

@Suite struct JournaldLogHandlerTests {
    private func fields(_ body: (inout Logger) -> Void) -> [String] {
        let sent = Lines()
        var logger = Logger(label: "scheduler") { label in
            JournaldLogHandler(label: label, identifier: "tessera-master", level: .trace) { fields in
                fields.forEach(sent.add)
                return true
            }
        }
        body(&logger)
        return sent.all
    }

    @Test func `every fact is a field of its own, and in the message`() {
        let fields = fields { logger in
            logger[metadataKey: "job.id"] = "7"
            logger.notice(
                "lease granted", metadata: ["worker.name": "rack 1"], file: "Module/File.swift", function: "f()",
                line: 9)
        }
        #expect(
            fields == [
                "MESSAGE=lease granted job.id=7 worker.name=\"rack 1\"",
                "PRIORITY=5",
                "SYSLOG_IDENTIFIER=tessera-master",
                "CODE_FILE=Module/File.swift",
                "CODE_LINE=9",
                "CODE_FUNC=f()",
                "TESSERA_LOGGER=scheduler",
                "TESSERA_JOB_ID=7",
                "TESSERA_WORKER_NAME=rack 1",
            ])
    }

    @Test func `field names are what the journal takes, and never its own`() {
        #expect(JournaldLogHandler.fieldName("job.id") == "TESSERA_JOB_ID")
        #expect(JournaldLogHandler.fieldName("JOB_ID") == "TESSERA_JOB_ID")
        #expect(JournaldLogHandler.fieldName("retry-after ms") == "TESSERA_RETRY_AFTER_MS")
        #expect(JournaldLogHandler.fieldName("größe=1\n") == "TESSERA_GR____E_1_")
        #expect(JournaldLogHandler.fieldName("_PID") == "TESSERA__PID")
        #expect(JournaldLogHandler.fieldName("") == "TESSERA_")
        #expect(JournaldLogHandler.fieldName(String(repeating: "a", count: 100)).utf8.count == 64)
    }

    @Test(
        arguments: zip(
            Logger.Level.allCases, [7, 7, 6, 5, 4, 3, 2]))
    func `levels become syslog's priorities`(level: Logger.Level, priority: Int) {
        let fields = fields { logger in logger.log(level: level, "x") }
        #expect(fields.contains("PRIORITY=\(priority)"))
    }

    @Test func `a line end in a value stays in its field`() {
        let fields = fields { logger in logger.info("x", metadata: ["tail": "a\nPRIORITY=0"]) }
        #expect(fields.contains("TESSERA_TAIL=a\nPRIORITY=0"))
        #expect(fields.contains("MESSAGE=x tail=\"a\\nPRIORITY=0\""))
    }

    @Test func `stderr is the journal only if it is the stream that systemd named`() throws {
        let pipe = Pipe()
        let descriptor = pipe.fileHandleForWriting.fileDescriptor
        var status = stat()
        try #require(fstat(descriptor, &status) == 0)
        let stream = "\(status.st_dev):\(status.st_ino)"
        #expect(Logs.standardErrorIsJournal(stream: stream, descriptor: descriptor))
        #expect(!Logs.standardErrorIsJournal(stream: "\(status.st_dev):\(status.st_ino + 1)", descriptor: descriptor))
        #expect(!Logs.standardErrorIsJournal(stream: nil, descriptor: descriptor))
        #expect(!Logs.standardErrorIsJournal(stream: "nonsense", descriptor: descriptor))
        #expect(!Logs.standardErrorIsJournal(stream: stream, descriptor: -1))
        withExtendedLifetime(pipe) {}
    }
}
