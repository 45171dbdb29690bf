import JobModel
import Protocol

/// The side that opened a connection: its identity, its role, and what the connection carries.
///
/// The initiator announces it in its first message, and both proofs of the handshake cover it, so it holds for the whole
/// connection. At the master it is the peer; at the initiator it is this side.
public struct Peer: Sendable, Hashable {
    public let identity: Identity
    public let role: Role
    public let channel: Channel

    public init(identity: Identity, role: Role, channel: Channel) {
        self.identity = identity
        self.role = role
        self.channel = channel
    }

    /// What the peer is, which decides what it may do.
    public enum Role: UInt8, Sendable, Hashable, CaseIterable {
        case client = 1
        case worker = 2
    }

    /// What a connection carries.
    public enum Channel: UInt8, Sendable, Hashable, CaseIterable {
        /// Messages.
        case control = 1
        /// Blobs.
        case data = 2
    }

    /// Names a process: the connections of one process have the same identity.
    ///
    /// With one shared secret the peer chooses it, so it ties connections together but grants nothing.
    public struct Identity: Sendable, Hashable {
        public static let byteCount = 16

        package let bytes: [UInt8]

        /// - Returns: `nil` unless there are 16 bytes.
        public init?(_ bytes: some Collection<UInt8>) {
            guard bytes.count == Self.byteCount else { return nil }
            self.bytes = Array(bytes)
        }

        private init(random generator: inout some RandomNumberGenerator) {
            bytes = (0..<Self.byteCount).map { _ in UInt8.random(in: 0...255, using: &generator) }
        }

        public static func random() -> Identity {
            var generator = SystemRandomNumberGenerator()
            return Identity(random: &generator)
        }
    }
}

extension Peer.Channel {
    /// The frames that such a connection carries once it is authenticated.
    var frameKinds: Set<FrameKind> {
        switch self {
        case .control: [.control, .goodbye]
        case .data: [.control, .data, .goodbye]
        }
    }
}

extension Peer.Role: CustomStringConvertible {
    public var description: String {
        switch self {
        case .client: "client"
        case .worker: "worker"
        }
    }
}

extension Peer.Channel: CustomStringConvertible {
    public var description: String {
        switch self {
        case .control: "control"
        case .data: "data"
        }
    }
}

extension Peer.Identity: CustomStringConvertible {
    /// The first four bytes in hexadecimal, for logs.
    public var description: String { Hexadecimal.text(bytes.prefix(4)) }
}

extension Peer: CustomStringConvertible {
    public var description: String { "\(role) \(identity), \(channel)" }
}
