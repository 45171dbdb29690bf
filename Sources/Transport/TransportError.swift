/// Why a connection could not be made, or a listener not be opened.
public struct TransportError: Error, Hashable, CustomStringConvertible {
    /// The stable code: it goes on the wire and into metric labels.
    public enum Code: String, Sendable, Hashable, CaseIterable {
        /// The text is no `host:port`.
        case badEndpoint = "bad-endpoint"
        /// The secret file is missing, too short, or open to others.
        case secretFile = "secret-file"
        /// The host answered that nobody listens on the port.
        case refused = "connection-refused"
        /// The name does not resolve, there is no route, or the host does not answer in time.
        case unreachable
        /// What answers is not a Tessera peer, or broke the protocol.
        case protocolViolation = "protocol"
        /// The major versions differ.
        case version
        /// The other side does not know our secret, or we do not know its secret.
        case badSecret = "bad-secret"
        /// The role is unknown or not allowed here.
        case badRole = "bad-role"
        /// The handshake took longer than its limit.
        case handshakeTimeout = "handshake-timeout"
        /// The peer closed before the handshake was through.
        case closed
        /// The address has as many connections as it may have.
        case tooManyConnections = "too-many-connections"
        /// The listener cannot have the address.
        case cannotBind = "cannot-bind"
        /// The peer refused with a code that this version does not know; the message repeats it.
        case other
    }

    public let code: Code
    /// For a person: what happened, with which value, what is allowed, what to do.
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { "\(message) (\(code.rawValue))" }
}

/// Why an established connection ended.
public struct ConnectionClosed: Error, Hashable, CustomStringConvertible {
    public enum Code: String, Sendable, Hashable, CaseIterable {
        /// This side closed it.
        case local = "closed"
        /// The peer closed it in order.
        case peer = "peer-closed"
        /// The network or the peer's machine failed.
        case network
        /// The peer did not read what was sent to it: too much was waiting, or for too long.
        case slowPeer = "slow-peer"
        /// Nothing came for longer than the limit, or a frame did not complete within its limit.
        case idle
        /// More came in a time than the peer may send.
        case tooFast = "too-fast"
        /// The peer sent something against the protocol.
        case protocolViolation = "protocol"
        /// This side made a message that fits no frame.
        case oversized
        /// The peer said goodbye with a reason; the message repeats its code and words.
        case goodbye
    }

    public let code: Code
    public let message: String
    /// The code of the peer's goodbye, if it said one.
    public let refusalCode: String?

    public init(_ code: Code, _ message: String, refusalCode: String? = nil) {
        self.code = code
        self.message = message
        self.refusalCode = refusalCode
    }

    public var description: String { "\(message) (\(code.rawValue))" }
}
