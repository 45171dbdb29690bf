/// One thing a daemon can be told: by flag, environment variable or configuration file.
public struct Setting: Sendable {
    /// The flag without its dashes, and the key in the file: `state-dir`. In the environment: `TESSERA_STATE_DIR`.
    public let name: String
    /// What the help shows for the value: `DIR`; empty for a switch.
    public let placeholder: String
    /// The value when nobody says otherwise; `nil` when there is none.
    public let defaultValue: String?
    public let summary: String

    public init(_ name: String, _ placeholder: String, default defaultValue: String? = nil, _ summary: String) {
        self.name = name
        self.placeholder = placeholder
        self.defaultValue = defaultValue
        self.summary = summary
    }

    var isSwitch: Bool { placeholder.isEmpty }
    var isPath: Bool { placeholder == "FILE" || placeholder == "DIR" }
    var environmentName: String { "TESSERA_" + name.uppercased().replacing("-", with: "_") }
}

/// Where a value came from, in the order in which they are asked.
public enum SettingOrigin: String, Sendable {
    case flag, environment, file
    case builtIn = "default"
}

/// Why a program does not start, or prints help instead.
public enum SettingsError: Error, Sendable, CustomStringConvertible {
    /// A setting is unknown, missing or out of range; the message says which and what is allowed. Exit status 64.
    case usage(String)
    /// `--help`: the text to print.
    case helpRequested(String)
    /// `--version`: the text to print.
    case versionRequested(String)

    public var description: String {
        switch self {
        case .usage(let text), .helpRequested(let text), .versionRequested(let text): text
        }
    }
}
