/// How a daemon of a private cluster is called.
package struct DaemonLaunch: Hashable, Sendable {
    package let arguments: [String]
    package let environment: [String: String]

    /// - Parameters:
    ///   - port: to listen on; 0: any free one.
    ///   - master: the master's address, for the others.
    ///   - notifySocket: the socket to which the daemon says that it serves.
    ///   - environment: of the person.
    package init(
        _ role: DaemonRole, places: ClusterPlaces, port: Int, master: String, notifySocket: String,
        environment: [String: String]
    ) {
        let own =
            switch role {
            case .master:
                [
                    "--listen", "127.0.0.1:\(port)", "--state-dir", places.state(of: .master), "--address-file",
                    places.address(of: .master),
                ]
            case .worker: ["--master", master]
            case .web:
                [
                    "--listen", "127.0.0.1:\(port)", "--master", master, "--state-dir", places.state(of: .web),
                    "--address-file", places.address(of: .web), "--link-file", places.link,
                ]
            }
        arguments = [role.program] + own + ["--secret-file", places.secret]
        self.environment = Self.environment(environment).merging(["NOTIFY_SOCKET": notifySocket]) { $1 }
    }

    /// What a daemon gets of the person's environment: neither settings of other clusters, nor what the service manager of
    /// another process expects.
    static func environment(_ environment: [String: String]) -> [String: String] {
        environment.filter { name, _ in
            !name.hasPrefix("TESSERA_")
                && !["NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "JOURNAL_STREAM", "LISTEN_FDS", "LISTEN_PID"]
                    .contains(name)
        }
    }
}
