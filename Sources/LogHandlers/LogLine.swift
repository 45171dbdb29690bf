import Logging
import Names

/// The text of a log event for people, the same in the journal and on a terminal.
package enum LogLine {
    /// The metadata of an event, in alphabetical order: the handler's, the provider's and the event's own. Of entries with the
    /// same key the last of these is used.
    static func facts(
        of event: LogEvent, handler: Logger.Metadata, provider: Logger.MetadataProvider?
    ) -> [(key: String, value: String)] {
        var facts = handler
        if let provided = provider?.get() { facts.merge(provided) { _, later in later } }
        if let own = event.metadata { facts.merge(own) { _, later in later } }
        if let error = event.error { facts["error"] = "\(error)" }
        return facts.map { ($0.key, $0.value.description) }.sorted { $0.0 < $1.0 }
    }

    /// "phrase key=value key=value", without control characters: text from peers must not be able to forge lines or to control
    /// a terminal.
    static func text(_ message: Logger.Message, _ facts: [(key: String, value: String)]) -> String {
        facts.reduce(into: escaped(message.description)) { text, fact in
            text += " \(escaped(fact.key))=\(quotedIfNeeded(fact.value))"
        }
    }

    /// The value as it is if it is one plain word, else in double quotes.
    static func quotedIfNeeded(_ value: String) -> String {
        let isPlain =
            !value.isEmpty
            && value.unicodeScalars.allSatisfy { !$0.properties.isWhitespace && $0 != "\"" && $0 != "=" && $0 != "\\" }
        guard !isPlain else { return escaped(value) }
        let inner = value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        return "\"\(escaped(inner))\""
    }

    /// `text` with control and format characters written as escape sequences.
    package static func escaped(_ text: String) -> String { ShownText.of(text) }
}
