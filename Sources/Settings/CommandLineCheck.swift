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
                throw .usage("'\(argument)' is not a flag of \(program); \(program) --help lists them")
            }
            // At the byte: a value may begin with a combining mark, which makes one character of it and the "=".
            let parts = argument.utf8.dropFirst(2)
                .split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
                .map { String(Substring($0)) }
            guard let name = parts.first, let setting = settings.first(where: { $0.name == name })
            else {
                let flag = "--\(parts.first ?? "")"
                let nearest = NearestName.of(flag, among: settings.map(\.name) + ["help", "version"])
                throw .usage(
                    "\(program) has no flag \(flag)"
                        + (nearest.map { "; did you mean --\($0)?" } ?? "; \(program) --help lists them"))
            }
            func missing() -> SettingsError { .usage("--\(name) needs a value: --\(name) \(setting.placeholder)") }
            if parts.count == 2 {
                guard !parts[1].isEmpty else { throw missing() }
                values[name] = parts[1]
            } else if setting.isSwitch {
                values[name] = "true"
            } else if let value = rest.first, !value.hasPrefix("--"), !value.isEmpty {
                values[name] = rest.removeFirst()
            } else {
                throw missing()
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
}
