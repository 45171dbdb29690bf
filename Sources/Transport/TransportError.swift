import Protocol
import Retrying

/// Why a connection could not be made, or a listener not be opened.
public struct TransportError: Error, Hashable, CustomStringConvertible {
    /// The stable code: it goes on the wire and into metric labels.
    public enum Code: String, Sendable, Hashable, CaseIterable {
        /// The text is not a `host:port`.
        case badEndpoint = "bad-endpoint"
        /// The secret file is missing, too short, or open to others.
        case secretFile = "secret-file"
        /// The host answered that nothing is listening on the port.
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
        /// The peer closed before the handshake was complete.
        case closed
        /// The address, or the master, has as many connections as it may have.
        case tooManyConnections = "too-many-connections"
        /// The connection is in clear, and the master takes such connections from its own machine only, or from nobody.
        case encryptionRequired = "tls-required"
        /// The encrypted channel could not be made, or broke before the peer had proved itself.
        case encryptionFailed = "tls-failed"
        /// The master's state was replaced by one that was restored from a backup later, whose master this process has met.
        case replacedMaster = "replaced-master"
        /// The master is not the one that this process is connected to; its data belong to that one.
        case otherMaster = "other-master"
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

extension TransportError {
    /// The error of an attempt at several addresses: it has the code of the failure that is the likeliest to disappear by itself.
    /// - Parameter failures: one for each address that was tried, at least one.
    static func atEveryAddress(_ failures: [TransportError]) -> TransportError {
        guard failures.count > 1, let first = failures.first else {
            return failures.first ?? TransportError(.other, "no address was tried")
        }
        let hopes: [Persistence] = [.passing, .absent, .unclear, .untilChanged]
        let best = hopes.lazy.compactMap { hope in failures.first { $0.persistence == hope } }.first ?? first
        let told = failures.enumerated().map { "(\($0.offset + 1)) \($0.element.message)" }
        return TransportError(
            best.code, "there is no master at any of the \(failures.count) addresses: " + told.joined(separator: "; "))
    }
}

extension TransportError: ClassifiedError {
    public var persistence: Persistence { code.persistence }
}

extension TransportError.Code {
    public var persistence: Persistence {
        switch self {
        case .refused, .unreachable: .absent
        case .handshakeTimeout, .closed, .tooManyConnections, .replacedMaster, .otherMaster: .passing
        case .badEndpoint, .secretFile, .version, .badSecret, .badRole, .cannotBind, .encryptionRequired: .untilChanged
        case .protocolViolation, .encryptionFailed, .other: .unclear
        }
    }
}

/// Why an established connection ended.
public struct ConnectionClosed: Error, Hashable, CustomStringConvertible {
    public enum Code: String, Sendable, Hashable, CaseIterable {
        /// This side closed it.
        case local = "closed"
        /// The peer closed it.
        case peer = "peer-closed"
        /// The network or the peer's machine failed.
        case network
        /// The peer left too much unread, or for too long.
        case slowPeer = "slow-peer"
        /// Nothing arrived for longer than the limit, or a frame did not complete within its limit.
        case idle
        /// The peer sent more than it may in a time.
        case tooFast = "too-fast"
        /// The peer sent something against the protocol.
        case protocolViolation = "protocol"
        /// This side made a message that does not fit a frame.
        case oversized
        /// The peer closed it and gave a reason; the message repeats its code and words.
        case goodbye
    }

    public let code: Code
    public let message: String
    /// The code that the peer gave as its reason, if it gave one.
    public let refusalCode: RefusalCode?

    public init(_ code: Code, _ message: String, refusalCode: RefusalCode? = nil) {
        self.code = code
        self.message = message
        self.refusalCode = refusalCode
    }

    public var description: String { "\(message) (\(code.rawValue))" }
}

extension ConnectionClosed: ClassifiedError {
    public var persistence: Persistence {
        switch code {
        case .peer, .network, .slowPeer, .idle: .passing
        case .goodbye:
            switch refusalCode {
            case .protocolViolation, .notPermitted: .unclear
            // There was a connection, and the next one may fare better, whatever the reason.
            default: .passing
            }
        case .local, .tooFast, .protocolViolation, .oversized: .unclear
        }
    }
}

extension TransportError.Code {
    /// The code of a refusal within the handshake.
    init(_ code: RefusalCode) {
        switch code {
        case .badSecret: self = .badSecret
        case .version: self = .version
        case .badRole: self = .badRole
        case .handshakeTimeout: self = .handshakeTimeout
        case .tooManyConnections: self = .tooManyConnections
        case .encryptionRequired: self = .encryptionRequired
        case .protocolViolation: self = .protocolViolation
        default: self = .other
        }
    }

    /// The code that tells the peer.
    var refusalCode: RefusalCode { RefusalCode(rawValue: rawValue) }
}
