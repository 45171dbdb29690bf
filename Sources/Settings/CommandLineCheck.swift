extension Settings {
    /// The values that the command line gives, by setting; of a flag that is given twice, the last.
    ///
    /// - Throws: for unknown flags, missing values and stray words, and for `--help` and `--version`.
    static func flags(
        _ arguments: [String], of settings: [Setting], program: String, version: String, summary: String
    ) throws(SettingsError) -> [String: String] {
        var values: [String: String] = [:]
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            if argument == "--help" || argument == "-h" {
                throw .helpRequested(help(program: program, summary: summary, settings: settings))
            }
            if argument == "--version" { throw .versionRequested("\(program) \(version)") }
            guard argument.hasPrefix("--") else {
                throw .usage("'\(argument)' is not a flag of \(program); see \(program) --help")
            }
            // At the byte: a value may begin with a combining mark, which makes one character of it and the "=".
            let parts = argument.utf8.dropFirst(2)
                .split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
                .map { String(Substring($0)) }
            guard let name = parts.first, let setting = settings.first(where: { $0.name == name })
            else {
                let nearest = settings.map(\.name).min { distance($0, argument) < distance($1, argument) } ?? "help"
                throw .usage("\(program) has no flag \(argument); did you mean --\(nearest)? See \(program) --help")
            }
            if parts.count == 2 {
                values[name] = parts[1]
            } else if setting.isSwitch {
                values[name] = "true"
            } else if let value = rest.first, !value.hasPrefix("--") {
                values[name] = rest.removeFirst()
            } else {
                throw .usage("--\(name) needs a value: --\(name) \(setting.placeholder)")
            }
        }
        return values
    }

    static func help(program: String, summary: String, settings: [Setting]) -> String {
        let rows = settings.map { setting -> (String, String) in
            let flag = "--\(setting.name)" + (setting.isSwitch ? "" : " \(setting.placeholder)")
            let fallback = setting.defaultValue.map { " (default \($0))" } ?? ""
            return (flag, setting.summary + fallback)
        }
        let width = (rows.map(\.0.count).max() ?? 0) + 2
        let table = rows.map { "  " + $0.0 + String(repeating: " ", count: width - $0.0.count) + $0.1 }
        return """
            \(summary)

            USAGE: \(program) [FLAGS]

            \(table.joined(separator: "\n"))

            Every flag can also be given as an environment variable (--state-dir as TESSERA_STATE_DIR) or as a key of the
            configuration file (state-dir: ...). A flag wins over the environment, that over the file.
            """
    }

    /// Levenshtein's edit distance, for suggestions.
    private static func distance(_ left: String, _ right: String) -> Int {
        let right = Array(right.drop { $0 == "-" }.prefix { $0 != "=" })
        var row = Array(0...right.count)
        for (i, character) in left.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for j in right.indices {
                let substituted = diagonal + (character == right[j] ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(substituted, row[j] + 1, diagonal + 1)
            }
        }
        return row[right.count]
    }
}
