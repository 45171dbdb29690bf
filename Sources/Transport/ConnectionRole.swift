import Protocol

/// What a connection is for; the initiator announces it and both proofs of the handshake cover it.
public enum ConnectionRole: UInt8, Sendable, Hashable, CaseIterable, CustomStringConvertible {
    /// A client's control connection.
    case client = 1
    /// A worker's control connection.
    case worker = 2
    /// Carries blobs, for clients and workers alike.
    case bulk = 3

    public var description: String {
        switch self {
        case .client: "client"
        case .worker: "worker"
        case .bulk: "bulk"
        }
    }

    /// The frames that such a connection carries once it is authenticated.
    var frameKinds: Set<FrameKind> {
        switch self {
        case .client, .worker: [.control, .goodbye]
        case .bulk: [.control, .data, .goodbye]
        }
    }
}
