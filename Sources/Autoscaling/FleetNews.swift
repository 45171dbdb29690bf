/// Something that happened to the fleet, for the people who run it.
package struct FleetNews: Hashable, Sendable, CustomStringConvertible {
    /// Stable; docs/cli.md lists them.
    package enum Code: String, Hashable, Sendable, CaseIterable {
        case found = "worker-found"
        case starts = "worker-starts"
        case registered = "worker-registered"
        case drains = "worker-drains"
        case resumes = "worker-resumes"
        case stopped = "worker-stopped"
        case startFailed = "start-failed"
        case stopFailed = "stop-failed"
        case neverRegistered = "never-registered"
        case lost = "worker-lost"
        case full = "fleet-full"
    }

    package let code: Code
    package let description: String

    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }

    static func text(_ duration: Duration) -> String {
        let seconds = Int64((duration / .seconds(1)).rounded())
        if duration < .seconds(1) { return "\(duration.components.attoseconds / 1_000_000_000_000_000) ms" }
        return seconds < 120 ? "\(seconds) s" : "\(seconds / 60) min"
    }
}
