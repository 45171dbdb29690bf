import Settings
import Transport

/// The setting that opens the listener for metrics; the same in every daemon.
package enum MetricsSetting {
    package static let setting = Setting(
        "metrics-listen", "HOST:PORT",
        "Answer /metrics, /healthz and /readyz by HTTP at this address, to everybody who reaches it (default: not at all)"
    )

    /// - Returns: `nil` when metrics are off.
    package static func address(_ settings: Settings) throws(SettingsError) -> Endpoint? {
        guard let text = settings.text(setting.name) else { return nil }
        do {
            return try Endpoint(parsing: text, for: .listening)
        } catch {
            throw settings.refused(setting.name, error.message)
        }
    }
}
