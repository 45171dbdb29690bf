import Glibc
import Names

/// The values of a program's settings: flag, then environment, then file, then default.
public struct Settings: Sendable {
    private let settings: [Setting]
    /// By setting, in the order in which they are asked.
    private let sources: [(origin: SettingOrigin, values: [String: String])]

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
        let flags = try Self.flags(arguments, of: all, program: program, version: version, summary: summary)
        let variables = all.compactMap { setting in
            environment[setting.environmentName].flatMap { $0.isEmpty ? nil : (setting.name, $0) }
        }
        var sources: [(SettingOrigin, [String: String])] = [
            (.flag, flags), (.environment, Dictionary(variables) { first, _ in first }),
        ]
        if let path = sources.lazy.compactMap({ $0.1[config.name] }).first {
            sources.append((.file, try Self.values(inFile: path)))
        }
        self.settings = all
        self.sources = sources
    }

    private static func values(inFile path: String) throws(SettingsError) -> [String: String] {
        func unreadable(_ reason: String) -> SettingsError {
            .usage("cannot read the configuration file '\(ShownText.of(path))': \(reason)")
        }
        guard let file = BytePath(text: path).withCString({ fopen($0, "re") }) else {
            throw unreadable(String(cString: strerror(errno)))
        }
        defer { fclose(file) }
        var text: [UInt8] = []
        while true {
            let part = [UInt8](unsafeUninitializedCapacity: 1 << 16) { $1 = fread($0.baseAddress, 1, $0.count, file) }
            guard !part.isEmpty else { break }
            text += part
        }
        guard ferror(file) == 0 else { throw unreadable(String(cString: strerror(errno))) }
        do throws(YAMLMapping.Malformed) {
            return try YAMLMapping(parsing: text).values
        } catch {
            throw unreadable(error.description)
        }
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
        for (origin, values) in sources {
            guard let text = values[name] else { continue }
            return (setting.isSwitch ? Self.switchValue(of: text) : text, origin)
        }
        return (setting.defaultValue, .builtIn)
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
