/// What `tessera up` has to do, given what there is.
///
/// A daemon that runs is left alone, as long as the others can reach it where they expect it: a master that has to take another
/// port ends the worker and the gateway of the old one.
package struct StartPlan: Hashable, Sendable {
    /// Running daemons that have to end first, in this order.
    package var ending: [DaemonRole] = []
    /// Daemons to start, in this order.
    package var starting: [DaemonRole] = []
    /// The ports to listen on, of those that start; 0: any free one.
    package var ports: [DaemonRole: Int] = [:]

    /// - Parameters:
    ///   - wanted: the daemons that the cluster shall have.
    ///   - running: those of it that run.
    ///   - recorded: the ports that its daemons have, or had before they ended.
    ///   - demanded: the ports that the person asks for.
    ///   - isFree: whether a port can be listened on.
    /// - Throws: `PrivateClusterError` when a running daemon listens on another port than is demanded.
    package init(
        wanted: Set<DaemonRole>, running: Set<DaemonRole>, recorded: [DaemonRole: Int], demanded: [DaemonRole: Int],
        isFree: (Int) -> Bool
    ) throws(PrivateClusterError) {
        for role in DaemonRole.allCases where running.contains(role) {
            guard let asked = demanded[role], let port = recorded[role], asked != port else { continue }
            throw PrivateClusterError(
                .alreadyUp,
                "the private cluster is up, and its \(role.title) has port \(port), not \(asked): run 'tessera down' first"
            )
        }
        /// The port that was asked for, else the one before if it is free, else any.
        func port(of role: DaemonRole) -> Int {
            demanded[role] ?? recorded[role].flatMap { isFree($0) ? $0 : nil } ?? 0
        }
        var remaining = running
        if !running.contains(.master) {
            let port = port(of: .master)
            ports[.master] = port
            if port == 0 || port != recorded[.master] {
                ending = [.web, .worker].filter(running.contains)
                remaining = []
            }
        }
        starting = DaemonRole.allCases.filter { wanted.contains($0) && !remaining.contains($0) }
        if starting.contains(.web) {
            // One that is about to end still has its port.
            ports[.web] = ending.contains(.web) ? demanded[.web] ?? recorded[.web] ?? 0 : port(of: .web)
        }
    }
}
