import Names

/// The files of a person's private cluster, all below one directory: `$XDG_STATE_HOME/tessera/private`, else
/// `~/.local/state/tessera/private`.
///
/// Not below `XDG_RUNTIME_DIR`, which the system empties when the person logs out, while the daemons live on (decision 70).
package struct ClusterPlaces: Hashable, Sendable {
    package let directory: String

    package init(directory: String) { self.directory = directory }

    /// - Returns: `nil` without a home.
    package init?(environment: [String: String]) {
        guard let state = Self.personalState(environment) else { return nil }
        directory = state + "/private"
    }

    /// Where what is remembered for a person lies: `$XDG_STATE_HOME/tessera`, else `~/.local/state/tessera`.
    ///
    /// - Returns: `nil` without a home.
    package static func personalState(_ environment: [String: String]) -> String? {
        // A relative path is invalid there, by the XDG Base Directory Specification.
        func absolute(_ name: String) -> String? { environment[name].flatMap { $0.hasPrefix("/") ? $0 : nil } }
        return (absolute("XDG_STATE_HOME") ?? absolute("HOME").map { $0 + "/.local/state" }).map { $0 + "/tessera" }
    }

    /// Held by the `tessera up` or `tessera down` that is at work.
    package var lock: String { directory + "/lock" }
    /// What was started, as `ClusterRecord` writes it. It is there as long as the cluster is meant to be up.
    package var record: String { directory + "/cluster.json" }
    /// The secret that the daemons and the client share: made by the first `tessera up`, removed by `tessera down`.
    package var secret: String { directory + "/secret" }
    /// Written by the gateway when it starts, read and removed at once.
    package var link: String { directory + "/link" }
    /// Where the sockets are on which daemons say that they serve, while `tessera up` waits for that.
    package var sockets: String { directory + "/sockets" }

    package func state(of role: DaemonRole) -> String { "\(directory)/\(role.rawValue)" }
    package var logs: String { directory + "/log" }
    package func log(of role: DaemonRole) -> String { "\(logs)/\(role.rawValue).log" }
    /// The log of the run before this one.
    package func olderLog(of role: DaemonRole) -> String { "\(logs)/\(role.rawValue).log.1" }
    /// Where a daemon writes the address that it got.
    package func address(of role: DaemonRole) -> String { "\(directory)/\(role.rawValue).address" }

    /// The directories to make, parents first.
    package var directories: [String] {
        [directory, logs, state(of: .master), state(of: .web)]
    }

    /// A path as a person reads it.
    package static func shown(_ path: String) -> String { ShownText.of(path) }
}
