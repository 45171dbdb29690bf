import Configuration
import SystemPackage

/// The values of a program's settings: flag, then environment, then file, then default.
public struct Settings: Sendable {
    private let settings: [Setting]
    private let sources: [(origin: SettingOrigin, reader: ConfigReader)]

    /// Reads flags and environment, and the YAML file that `--config` (or `TESSERA_CONFIG`) names.
    ///
    /// - Parameters:
    ///   - arguments: the command line without the program's name.
    ///   - settings: what the program takes; `config`, `help` and `version` are added.
    public init(
        program: String, version: String, summary: String, settings: [Setting], arguments: [String],
        environment: [String: String]
    ) async throws {
        let all =
            settings + [Setting("config", "FILE", "Read settings from this YAML file (key: value, keys as the flags)")]
        self.settings = all
        try Self.check(arguments, against: all, program: program, version: version, summary: summary)

        let flags = CommandLineArgumentsProvider(arguments: [program] + arguments)
        let known = Set(all.map(\.environmentName))
        let variables = EnvironmentVariablesProvider(
            environmentVariables: environment.filter { known.contains($0.key) && !$0.value.isEmpty }
        ).prefixKeys(with: "tessera")
        var sources: [(SettingOrigin, ConfigReader)] = [
            (.flag, ConfigReader(provider: flags)), (.environment, ConfigReader(provider: variables)),
        ]
        if let config = all.last, let path = Self.value(of: config, in: sources)?.value {
            do {
                let file = try await FileProvider<YAMLSnapshot>(filePath: FilePath(path), allowMissing: false)
                let names = Dictionary(all.map { ($0.key, $0.name) }) { first, _ in first }
                let mapped = file.mapKeys { key in
                    AbsoluteConfigKey(key.components.map { names[$0] ?? $0 }, context: key.context)
                }
                sources.append((.file, ConfigReader(provider: mapped)))
            } catch {
                throw SettingsError.usage("can not read the configuration file '\(path)': \(error)")
            }
        }
        self.sources = sources
    }

    /// The value as text, or `nil` when there is neither a value nor a default.
    public func text(_ name: String) -> String? { resolved(name).value }

    /// The value as text; an error that names all three ways of giving it when it is missing.
    public func requiredText(_ name: String) throws(SettingsError) -> String {
        if let value = text(name) { return value }
        let setting = setting(name)
        throw .usage(
            "--\(name) \(setting.placeholder) is needed (or \(setting.environmentName), or '\(name)' in the file)")
    }

    /// A whole number; `K`, `M`, `G` or `T` behind it multiply by 1024 and so on.
    public func integer(_ name: String, in range: ClosedRange<Int>) throws(SettingsError) -> Int {
        let text = try requiredText(name)
        let units: [Character: Int] = ["K": 10, "M": 20, "G": 30, "T": 40]
        let shift = text.last.flatMap { units[Character($0.uppercased())] }
        let digits = shift == nil ? text[...] : text.dropLast()
        let product = Int(digits)?.multipliedReportingOverflow(by: 1 << (shift ?? 0))
        guard let product, !product.overflow, range.contains(product.partialValue) else {
            throw invalid(name, text, allowed: "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return product.partialValue
    }

    /// A length of time: a number with `ms`, `s`, `m`, `h` or `d`.
    public func duration(_ name: String, in range: ClosedRange<Duration>) throws(SettingsError) -> Duration {
        let text = try requiredText(name)
        let digits = text.prefix { $0.isNumber }
        let scale: Duration? =
            switch text.dropFirst(digits.count) {
            case "ms": .milliseconds(1)
            case "s": .seconds(1)
            case "m": .seconds(60)
            case "h": .seconds(3600)
            case "d": .seconds(86400)
            default: nil
            }
        guard let count = Int32(digits), let scale, range.contains(scale * Int(count)) else {
            throw invalid(
                name, text, allowed: "\(range.lowerBound) to \(range.upperBound), as 500ms, 30s, 10m, 24h or 7d")
        }
        return scale * Int(count)
    }

    public func isOn(_ name: String) throws(SettingsError) -> Bool {
        switch text(name)?.lowercased() {
        case nil, "false", "no", "0": return false
        case "true", "yes", "1": return true
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

    /// The error for a value that parsed but does not do.
    public func invalid(_ name: String, _ value: String, allowed: String) -> SettingsError {
        .usage("--\(name) '\(value)' (\(resolved(name).origin.rawValue)): must be \(allowed)")
    }

    private func setting(_ name: String) -> Setting {
        guard let setting = settings.first(where: { $0.name == name }) else {
            preconditionFailure("no setting is called \(name)")
        }
        return setting
    }

    private func resolved(_ name: String) -> (value: String?, origin: SettingOrigin) {
        let setting = setting(name)
        if let found = Self.value(of: setting, in: sources) { return found }
        return (setting.defaultValue, .builtIn)
    }

    private static func value(
        of setting: Setting, in sources: [(origin: SettingOrigin, reader: ConfigReader)]
    ) -> (value: String, origin: SettingOrigin)? {
        for (origin, reader) in sources {
            let key = ConfigKey(setting.key)
            if setting.isSwitch, let on = reader.bool(forKey: key) { return (on ? "true" : "false", origin) }
            if let text = reader.string(forKey: key) { return (text, origin) }
            if let number = reader.int(forKey: key) { return (String(number), origin) }
        }
        return nil
    }
}
