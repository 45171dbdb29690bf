import Glibc
import Names

/// The values of a program's settings: flag, then environment, then file, then default.
public struct Settings: Sendable {
    private let settings: [Setting]
    /// By setting, in the order in which they are asked.
    private let sources: [(origin: SettingOrigin, values: [String: Given])]
    private let homeDirectory: String?
    /// The directory of the person's own settings of Tessera, `~/.config/tessera`; `nil` without a home.
    public let personalDirectory: String?

    /// A value as it was given.
    private struct Given {
        let text: String
        /// How an error message names the setting: `--listen`, `TESSERA_LISTEN`, `/etc/tessera/master.yaml:3: listen`.
        let name: String
    }

    /// Reads flags and environment, and the YAML file that `--config` (or `TESSERA_CONFIG`) names.
    ///
    /// - Parameters:
    ///   - arguments: the command line without the program's name.
    ///   - settings: what the program takes; `config`, `help` and `version` are added.
    public init(
        program: String, version: String, summary: String, settings: [Setting], arguments: [String],
        environment: [String: String]
    ) throws(SettingsError) {
        let config = Setting("config", "FILE", "Read settings from this YAML file (key: value, keys as the flags)")
        let all = settings + [config]
        homeDirectory = environment["HOME"].flatMap { $0.isEmpty ? nil : $0 }
        personalDirectory = Self.personalDirectory(environment)
        let flags = try Self.flags(arguments, of: all, program: program, version: version, summary: summary)
        let variables = all.compactMap { setting in
            environment[setting.environmentName].flatMap { value in
                value.isEmpty ? nil : (setting.name, Given(text: value, name: setting.environmentName))
            }
        }
        self.settings = all
        var sources: [(SettingOrigin, [String: Given])] = [
            (.flag, Dictionary(uniqueKeysWithValues: flags.map { ($0, Given(text: $1, name: "--\($0)")) })),
            (.environment, Dictionary(variables) { first, _ in first }),
        ]
        if let given = sources.lazy.compactMap({ $0.1[config.name] }).first {
            let path = Self.expandingHome(given.text, homeDirectory)
            sources.append((.file, try Self.values(inFile: path, of: settings, program: program)))
        }
        self.sources = sources
    }

    /// `$XDG_CONFIG_HOME/tessera`, else `~/.config/tessera`; `nil` without a home.
    public static func personalDirectory(_ environment: [String: String]) -> String? {
        func given(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        return (given("XDG_CONFIG_HOME") ?? given("HOME").map { $0 + "/.config" }).map { $0 + "/tessera" }
    }

    /// - Throws: for a file that cannot be read, and for one in which anything is not a value of one of `settings`: a
    ///   misspelt key would otherwise leave the default in force without a word.
    private static func values(
        inFile path: String, of settings: [Setting], program: String
    ) throws(SettingsError) -> [String: Given] {
        let text = try contents(ofFile: path)
        let entries: [YAMLMapping.Entry]
        do throws(YAMLMapping.Malformed) {
            entries = try YAMLMapping(parsing: text).entries
        } catch {
            throw unreadable(path, error.description)
        }
        var values: [String: Given] = [:]
        var mistakes: [String] = []
        for entry in entries {
            let place = "\(ShownText.of(path)):\(entry.line)"
            guard let setting = settings.first(where: { $0.name == entry.key }) else {
                let nearest = NearestName.of(entry.key, among: settings.map(\.name))
                mistakes.append(
                    "\(place): \(program) has no setting '\(entry.key)'"
                        + (nearest.map { "; did you mean '\($0)'?" } ?? "; \(program) --help lists them"))
                continue
            }
            let form = "\(setting.name): \(setting.isSwitch ? "true" : setting.placeholder)"
            switch entry.value {
            case .scalar(let text): values[entry.key] = Given(text: text, name: "\(place): \(entry.key)")
            case .none(let written):
                let why = written.isEmpty ? "has no value" : "has no value: '\(written)' means none in YAML"
                mistakes.append("\(place): '\(entry.key)' \(why); write \(form), or leave the line out")
            case .list: mistakes.append("\(place): '\(entry.key)' is a list, but takes one value; write \(form)")
            case .mapping:
                mistakes.append("\(place): '\(entry.key)' has keys of its own, but takes one value; write \(form)")
            }
        }
        guard mistakes.isEmpty else { throw .usage(mistakes.joined(separator: "\n")) }
        return values
    }

    private static func contents(ofFile path: String) throws(SettingsError) -> [UInt8] {
        guard let file = BytePath(text: path).withCString({ fopen($0, "re") }) else {
            throw unreadable(path, String(cString: strerror(errno)))
        }
        defer { fclose(file) }
        var text: [UInt8] = []
        while true {
            let part = [UInt8](unsafeUninitializedCapacity: 1 << 16) { $1 = fread($0.baseAddress, 1, $0.count, file) }
            guard !part.isEmpty else { break }
            text += part
        }
        guard ferror(file) == 0 else { throw unreadable(path, String(cString: strerror(errno))) }
        return text
    }

    private static func unreadable(_ path: String, _ reason: String) -> SettingsError {
        .usage("cannot read the configuration file '\(ShownText.of(path))': \(reason)")
    }

    /// The value as text, or `nil` when there is neither a value nor a default.
    public func text(_ name: String) -> String? { resolved(name).value }

    /// Whether a flag, the environment or the file gives the value.
    public func isGiven(_ name: String) -> Bool { resolved(name).origin != .builtIn }

    /// The value as text; an error that names all three ways of giving it when it is missing.
    public func requiredText(_ name: String) throws(SettingsError) -> String {
        if let value = text(name) { return value }
        let setting = setting(name)
        throw .usage(
            "--\(name) \(setting.placeholder) is needed (or \(setting.environmentName), or '\(name)' in the file)")
    }

    /// A whole number; `K`, `M`, `G` or `T` behind it (also `KB`, `KiB` ...) multiply by 1024 and so on.
    public func integer(_ name: String, in range: ClosedRange<Int>) throws(SettingsError) -> Int {
        let text = try requiredText(name)
        guard let value = Quantity.integer(text), range.contains(value) else {
            throw invalid(name, text, allowed: Quantity.allowed(range))
        }
        return value
    }

    /// A length of time: a number with `ms`, `s`, `m`, `h` or `d`.
    public func duration(_ name: String, in range: ClosedRange<Duration>) throws(SettingsError) -> Duration {
        let text = try requiredText(name)
        guard let value = Quantity.duration(text) else {
            let unit = Int(text) == nil ? "" : "; write \(text)s for seconds"
            throw invalid(name, text, allowed: "a length of time such as 500ms, 30s, 10m, 24h or 7d\(unit)")
        }
        guard range.contains(value) else { throw invalid(name, text, allowed: Quantity.allowed(range)) }
        return value
    }

    /// The length of time that a text such as `30s`, `10m`, `24h` or `7d` means; `nil` for any other text.
    public static func duration(_ text: String) -> Duration? { Quantity.duration(text) }

    /// One of a few words.
    public func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ name: String, of type: Choice.Type = Choice.self
    ) throws(SettingsError) -> Choice {
        let text = try requiredText(name)
        if let choice = Choice(rawValue: text) { return choice }
        let words = Choice.allCases.map(\.rawValue)
        throw invalid(
            name, text, allowed: words.dropLast().joined(separator: ", ") + " or " + (words.last ?? "nothing"))
    }

    public func isOn(_ name: String) throws(SettingsError) -> Bool {
        switch text(name) {
        case nil, "false": return false
        case "true": return true
        case let other?: throw invalid(name, other, allowed: "true or false")
        }
    }

    /// Every setting with its value and where it came from, for the log at start. No secret is ever a value: files are named.
    public var effective: [(name: String, value: String, origin: SettingOrigin)] {
        settings.compactMap { setting in
            let (value, origin) = resolved(setting.name)
            return value.map { (setting.name, $0, origin) }
        }
    }

    /// The settings that are not as they are built in.
    public var changed: [(name: String, value: String, origin: SettingOrigin)] {
        effective.filter { $0.origin != .builtIn }
    }

    /// The error for a value that parsed but does not do.
    public func invalid(_ name: String, _ value: String, allowed: String) -> SettingsError {
        .usage("\(givenName(name)) '\(value)': must be \(allowed)")
    }

    /// The error for a value that does not do for `reason`.
    public func refused(_ name: String, _ reason: String) -> SettingsError { .usage("\(givenName(name)): \(reason)") }

    /// The name of the setting where its value was given.
    private func givenName(_ name: String) -> String {
        sources.lazy.compactMap { $0.values[name]?.name }.first ?? "--\(name)"
    }

    private func setting(_ name: String) -> Setting {
        guard let setting = settings.first(where: { $0.name == name }) else {
            preconditionFailure("no setting is called \(name)")
        }
        return setting
    }

    private func resolved(_ name: String) -> (value: String?, origin: SettingOrigin) {
        let setting = setting(name)
        for (origin, values) in sources {
            guard let text = values[name]?.text else { continue }
            if setting.isSwitch { return (Self.switchValue(of: text), origin) }
            return (setting.isPath ? Self.expandingHome(text, homeDirectory) : text, origin)
        }
        return (setting.defaultValue, .builtIn)
    }

    /// `~/x` as shells expand it: they do so neither within a file nor behind `--flag=`.
    private static func expandingHome(_ path: String, _ home: String?) -> String {
        guard let home, path.utf8.starts(with: "~/".utf8) else { return path }
        return home + String(Substring(path.utf8.dropFirst()))
    }

    /// `true` or `false` for any of the words that mean it, the text itself for others.
    private static func switchValue(of text: String) -> String {
        switch text.lowercased() {
        case "true", "yes", "on", "1": "true"
        case "false", "no", "off", "0": "false"
        default: text
        }
    }
}
