import ArgumentParser
import ClientKit
import Settings

/// Recognises the name of a command that does not exist, and what was meant.
enum UnknownCommand {
    /// Words of other tools for what a command does here.
    private static let synonyms = [
        "ls": "jobs", "list": "jobs", "ps": "jobs", "queue": "jobs", "rm": "cancel", "stop": "cancel", "kill": "cancel",
        "abort": "cancel", "delete": "cancel", "log": "status", "logs": "status", "show": "status", "info": "status",
        "get": "fetch", "download": "fetch", "results": "fetch", "process": "run", "apply": "run", "exec": "run",
        "nodes": "workers", "hosts": "workers", "operations": "ops", "filters": "ops", "version": "--version",
        "compare": "verify", "check": "verify", "retry": "dead redrive", "dlq": "dead",
        "start": "up", "web": "up",
    ]

    /// The error for a command line whose first word is not a command of `root`; `nil` when it is one, or an option.
    ///
    /// - Parameter help: whether the words follow `help`.
    static func complaint(
        _ words: [String], of root: any ParsableCommand.Type, path: String = "tessera", help: Bool = false
    ) -> ClientError? {
        guard let word = words.first else { return nil }
        if word.hasPrefix("-") { return path == "tessera" && !help ? early(words, of: root) : nil }
        let commands = subcommands(of: root)
        guard !commands.isEmpty else { return nil }
        if word == "help", !help { return complaint(Array(words.dropFirst()), of: root, path: path, help: true) }
        if let command = commands.first(where: { names(of: $0).contains(word) }) {
            return complaint(Array(words.dropFirst()), of: command, path: "\(path) \(word)", help: help)
        }
        let known = commands.map { names(of: $0)[0] }
        let near =
            synonyms[word].flatMap { $0.hasPrefix("-") || known.contains($0.firstWord) ? $0 : nil }
            ?? NearestName.of(word, among: known)
        let list =
            path == "tessera" ? "; tessera help lists the commands" : "; there are: \(known.joined(separator: ", "))"
        return .usage("'\(path)' has no command '\(word)'" + (near.map { "; did you mean '\(path) \($0)'?" } ?? list))
    }

    /// The error for options before the command, which the parser does not accept; `nil` without a command, and for `--help` and
    /// `--version`.
    private static func early(_ words: [String], of root: any ParsableCommand.Type) -> ClientError? {
        let commands = Set(subcommands(of: root).flatMap { names(of: $0) })
        var place = words.startIndex
        while place < words.endIndex, words[place].hasPrefix("-") {
            let word = words[place]
            guard CommandLineWords.isOption(word), !["--help", "-h", "--version"].contains(word) else { return nil }
            place += CommandLineWords.options.contains(word) ? 2 : 1
        }
        guard place < words.endIndex, commands.contains(words[place]) else { return nil }
        func shown(_ words: ArraySlice<String>) -> String { words.map(ShellWord.quoted).joined(separator: " ") }
        let options = words[..<place]
        return .usage("put \(shown(options)) behind the command: tessera \(shown(words[place...])) \(shown(options))")
    }

    private static func subcommands(of command: any ParsableCommand.Type) -> [any ParsableCommand.Type] {
        command.configuration.subcommands
    }

    private static func names(of command: any ParsableCommand.Type) -> [String] {
        [command._commandName] + command.configuration.aliases
    }
}

extension String {
    fileprivate var firstWord: String { String(prefix { $0 != " " }) }
}
