import Protocol
public import Transport

/// Which secrets a master accepts, and who is still connected by the former one.
public struct SecretStatus: Hashable, Sendable {
    /// A process with connections that proved the former secret.
    public struct Peer: Hashable, Sendable {
        public var role: Transport.Peer.Role
        /// The name of a registered worker; else empty.
        public var name: String
        /// The address of one of its connections, with its port.
        public var address: String
        /// Its name and version, in its own words.
        public var software: String
        public var connectionCount: Int

        public init(role: Transport.Peer.Role, name: String, address: String, software: String, connectionCount: Int) {
            self.role = role
            self.name = name
            self.address = address
            self.software = software
            self.connectionCount = connectionCount
        }
    }

    /// Clients of one program on one host, whose last connection proved the former secret and has ended.
    public struct Visitor: Hashable, Sendable {
        public var host: String
        public var software: String
        /// The time since the end of that connection.
        public var leftAgo: Duration

        public init(host: String, software: String, leftAgo: Duration) {
            self.host = host
            self.software = software
            self.leftAgo = leftAgo
        }
    }

    /// Whether the master accepts two secrets, the new one and the former one.
    public var isChanging: Bool
    /// Connections that proved the new secret.
    public var newestConnections: UInt64
    /// Connections that proved the former one.
    public var formerConnections: UInt64
    /// The processes behind these connections.
    public var formerPeerCount: Int
    /// As many of the processes as the master could list.
    public var formerPeers: [Peer]
    /// The last to leave first.
    public var visitors: [Visitor]

    public init(
        isChanging: Bool, newestConnections: UInt64, formerConnections: UInt64 = 0, formerPeerCount: Int = 0,
        formerPeers: [Peer] = [], visitors: [Visitor] = []
    ) {
        self.isChanging = isChanging
        self.newestConnections = newestConnections
        self.formerConnections = formerConnections
        self.formerPeerCount = formerPeerCount
        self.formerPeers = formerPeers
        self.visitors = visitors
    }
}

extension SecretStatus {
    init(wire: WireSecretStatus) {
        self.init(
            isChanging: wire.secretCount > 1, newestConnections: wire.newestConnections,
            formerConnections: wire.formerConnections, formerPeerCount: Int(wire.formerPeers),
            formerPeers: wire.peers.map { peer in
                Peer(
                    role: peer.role == .worker ? .worker : .client, name: peer.name, address: peer.address,
                    software: peer.software, connectionCount: Int(peer.connections))
            },
            visitors: wire.visitors.map { visitor in
                Visitor(
                    host: visitor.host, software: visitor.software,
                    leftAgo: .milliseconds(Int64(clamping: visitor.millisecondsAgo)))
            })
    }
}
