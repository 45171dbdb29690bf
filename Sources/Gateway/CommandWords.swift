import SystemCalls

/// The command line of a command about a gateway's state: words, and options with their values.
struct CommandWords {
    private(set) var plain: [String] = []
    private(set) var options: [String: String] = [:]

    /// - Parameter known: the options of the command.
    init(_ arguments: [String], options known: [String]) throws {
        var rest = arguments[...]
        while let word = rest.popFirst() {
            guard word.hasPrefix("--") else {
                plain.append(word)
                continue
            }
            let sides = word.dropFirst(2).split(separator: "=", maxSplits: 1)
            let name = String(sides.first ?? "")
            guard known.contains(name) else { throw Mistake("there is no option \(word)") }
            guard let value = sides.count > 1 ? String(sides[1]) : rest.popFirst() else {
                throw Mistake("\(word) needs a value")
            }
            options[name] = value
        }
    }

    var stateDirectory: String {
        options["state-dir"] ?? ThisProcess.environment("TESSERA_STATE_DIR") ?? "/var/lib/tessera-web"
    }

    /// What is wrong with a command line.
    struct Mistake: Error {
        let message: String
        init(_ message: String) { self.message = message }
    }
}
