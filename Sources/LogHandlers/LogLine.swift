import Logging

/// How a log event reads for people, wherever it is shown.
package enum LogLine {
    /// The facts of an event: the handler's, the provider's and the event's own, the later ones winning, in alphabetical order.
    static func facts(
        of event: LogEvent, handler: Logger.Metadata, provider: Logger.MetadataProvider?
    ) -> [(key: String, value: String)] {
        var facts = handler
        if let provided = provider?.get() { facts.merge(provided) { _, later in later } }
        if let own = event.metadata { facts.merge(own) { _, later in later } }
        if let error = event.error { facts["error"] = "\(error)" }
        return facts.map { ($0.key, $0.value.description) }.sorted { $0.0 < $1.0 }
    }

    /// "phrase key=value key=value", without control characters: what peers send must not be able to forge lines, or to
    /// steer a terminal.
    static func text(_ message: Logger.Message, _ facts: [(key: String, value: String)]) -> String {
        facts.reduce(into: escaped(message.description)) { text, fact in
            text += " \(escaped(fact.key))=\(quotedIfNeeded(fact.value))"
        }
    }

    /// In double quotes unless it is one plain word.
    static func quotedIfNeeded(_ value: String) -> String {
        let isPlain =
            !value.isEmpty
            && value.unicodeScalars.allSatisfy { !$0.properties.isWhitespace && $0 != "\"" && $0 != "=" && $0 != "\\" }
        guard !isPlain else { return escaped(value) }
        let inner = value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        return "\"\(escaped(inner))\""
    }

    /// `text` with control and format characters written as escape sequences.
    package static func escaped(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isControl) else { return text }
        return text.unicodeScalars.reduce(into: "") { result, scalar in
            switch scalar {
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where isControl(scalar): result += "\\u{\(String(scalar.value, radix: 16))}"
            default: result.unicodeScalars.append(scalar)
            }
        }
    }

    /// Control and format characters, among them those that reverse the direction of writing.
    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }
}
