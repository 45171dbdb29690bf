extension Settings {
    /// Refuses what the configuration library would silently pass over: unknown flags, missing values, stray words.
    static func check(
        _ arguments: [String], against settings: [Setting], program: String, version: String, summary: String
    ) throws(SettingsError) {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            if argument == "--help" || argument == "-h" {
                throw .helpRequested(help(program: program, summary: summary, settings: settings))
            }
            if argument == "--version" { throw .versionRequested("\(program) \(version)") }
            guard argument.hasPrefix("--") else {
                throw .usage("'\(argument)' is no flag of \(program); see \(program) --help")
            }
            let parts = argument.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = parts.first.map(String.init), let setting = settings.first(where: { $0.name == name })
            else {
                let nearest = settings.map(\.name).min { distance($0, argument) < distance($1, argument) } ?? "help"
                throw .usage("\(program) has no flag \(argument); did you mean --\(nearest)? See \(program) --help")
            }
            if setting.isSwitch || parts.count == 2 { continue }
            guard let value = rest.first, !value.hasPrefix("--") else {
                throw .usage("--\(name) needs a value: --\(name) \(setting.placeholder)")
            }
            rest.removeFirst()
        }
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
