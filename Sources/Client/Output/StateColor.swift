/// The colours of states on a terminal.
enum StateColor {
    /// `text`, which begins with the name of a state, in the colour of that state.
    static func colored(_ text: String) -> String {
        guard let color = color(ofState: text.prefix { $0 != " " }) else { return text }
        return "\u{1B}[\(color)m\(text)\u{1B}[0m"
    }

    /// The parameter of the ANSI colour sequence; `nil` for a state of no importance.
    private static func color(ofState state: Substring) -> Int? {
        switch state {
        case "done", "alive": 32
        case "running", "open": 36
        case "partly-failed", "draining", "suspect", "not-ready": 33
        case "failed", "dead-lettered", "gone": 31
        default: nil
        }
    }

    /// Whether a program whose output is a terminal, or not, is to use colours (`https://no-color.org`).
    static func isWanted(isTerminal: Bool, environment: (String) -> String?) -> Bool {
        isTerminal && (environment("NO_COLOR") ?? "").isEmpty && environment("TERM") != "dumb"
    }
}
