import CSystemd
import Glibc
import Logging

/// Sends each event to the systemd journal: a line for people, and each entry of the metadata as a separate field.
///
///     journalctl -u tessera-master TESSERA_JOB_ID=7
///
/// The entry `job.id` becomes the field `TESSERA_JOB_ID`; to systemd, fields without the prefix (among them JOB_ID) have
/// other meanings.
package struct JournaldLogHandler: LogHandler {
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?

    private let label: String
    private let identifier: String
    private let send: @Sendable ([String]) -> Bool
    private let fallback: TerminalLogHandler

    /// - Parameter identifier: the program's name, for SYSLOG_IDENTIFIER.
    package init(
        label: String, identifier: String, level: Logger.Level = .info, metadataProvider: Logger.MetadataProvider? = nil
    ) {
        self.init(
            label: label, identifier: identifier, level: level, metadataProvider: metadataProvider,
            send: Self.sendToJournal)
    }

    /// - Parameter send: sends the fields, each "NAME=value"; returns whether it succeeded.
    init(
        label: String, identifier: String, level: Logger.Level, metadataProvider: Logger.MetadataProvider? = nil,
        send: @escaping @Sendable ([String]) -> Bool
    ) {
        self.label = label
        self.identifier = identifier
        logLevel = level
        self.metadataProvider = metadataProvider
        self.send = send
        fallback = TerminalLogHandler(label: label, level: .trace, isColored: false)
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        let facts = LogLine.facts(of: event, handler: metadata, provider: metadataProvider)
        guard !send(fields(of: event, facts)) else { return }
        var event = event
        event.metadata = Dictionary(facts.map { ($0.key, .string($0.value)) }) { _, later in later }
        event.error = nil
        fallback.log(event: event)
    }

    func fields(of event: LogEvent, _ facts: [(key: String, value: String)]) -> [String] {
        [
            "MESSAGE=\(LogLine.text(event.message, facts))",
            "PRIORITY=\(event.level.syslogPriority)",
            "SYSLOG_IDENTIFIER=\(identifier)",
            "CODE_FILE=\(event.file)",
            "CODE_LINE=\(event.line)",
            "CODE_FUNC=\(event.function)",
            "TESSERA_LOGGER=\(label)",
        ] + facts.map { "\(Self.fieldName($0.key))=\($0.value)" }
    }

    /// The journal's field name for a metadata key: TESSERA_ and the key in upper case, with `_` for everything except letters
    /// and digits; at most 64 characters, the journal's limit.
    static func fieldName(_ key: String) -> String {
        let name = key.utf8.map { byte -> UInt8 in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"): byte - 32
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): byte
            default: UInt8(ascii: "_")
            }
        }
        return String(("TESSERA_" + String(decoding: name, as: UTF8.self)).prefix(64))
    }

    private static let sendToJournal: @Sendable ([String]) -> Bool = { fields in
        // All fields in one block of memory, and one iovec per field.
        var bytes: [UInt8] = []
        var ends: [Int] = []
        for field in fields {
            bytes.append(contentsOf: field.utf8)
            ends.append(bytes.count)
        }
        return bytes.withUnsafeMutableBytes { block in
            var start = 0
            let vectors = ends.map { end in
                defer { start = end }
                return iovec(iov_base: block.baseAddress.map { $0 + start }, iov_len: end - start)
            }
            return tsr_systemd_journal_send(vectors, CInt(vectors.count)) == 0
        }
    }
}

extension Logger.Level {
    /// The priority of syslog(3), from 2 (critical) to 7 (debug).
    var syslogPriority: Int {
        switch self {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }
}
