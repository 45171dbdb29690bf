import Logging
import Protocol
import Scheduler
import Transport

/// Knows who is connected by which secret.
struct SecretDesk: Sendable {
    let keyring: Keyring
    let roster: ConnectionRoster

    /// Ends the connections whose secret is not accepted any more.
    func closeRetired(_ logger: Logger) {
        let retired = roster.connections.filter { keyring.standing(of: $0.secret) == .retired }
        for connection in retired { connection.close(.secretRetired) }
        if keyring.secrets.former == nil { roster.forgetVisitors() }
        guard !retired.isEmpty else { return }
        logger.notice(
            "connections were closed: their secret is not accepted any more",
            metadata: ["connections": "\(retired.count)"])
    }

    /// The peers that are connected by the former secret.
    /// - Parameter names: of registered workers, by the identity of their process.
    func status(names: [Peer.Identity: String]) -> WireSecretStatus {
        var status = WireSecretStatus()
        status.secretCount = keyring.secrets.former == nil ? 1 : 2
        var peers: [Peer.Identity: WireSecretPeer] = [:]
        for connection in roster.connections {
            switch keyring.standing(of: connection.secret) {
            case .newest: status.newestConnections += 1
            // A retired one is being closed.
            case .retired: break
            case .former:
                status.formerConnections += 1
                let peer = connection.peer
                var entry = peers[peer.identity] ?? .with { $0.role = peer.role == .worker ? .worker : .client }
                entry.name = peer.role == .worker ? names[peer.identity] ?? "" : ""
                // The control connection's, where there is one.
                if entry.address.isEmpty || peer.channel == .control { entry.address = connection.remoteAddress }
                entry.software = connection.software
                entry.connections += 1
                peers[peer.identity] = entry
            }
        }
        status.formerPeers = UInt32(peers.count)
        let now = ContinuousClock.now
        let visitors = roster.visitors.map { visitor, leftAt in
            WireSecretVisitor.with {
                $0.host = visitor.host
                $0.software = visitor.software
                $0.millisecondsAgo = UInt64(max(0, (now - leftAt) / .milliseconds(1)))
            }
        }
        status.fill(peers.values.sorted { ($0.name, $0.address) < ($1.name, $1.address) }, visitors)
        return status
    }
}
