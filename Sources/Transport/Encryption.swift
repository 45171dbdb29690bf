import NIOCore
import TLS

/// Whether connections are encrypted: the setting `tls`.
public enum Encryption: String, Sendable, Hashable, CaseIterable {
    /// Except between programs of one machine, over its loopback addresses.
    case automatic = "auto"
    /// All of them.
    case always = "on"
    /// This side opens none that is, and takes those that are not from everywhere.
    case never = "off"

    /// Whether the side that opens a connection to `remote` encrypts it.
    func encrypts(to remote: SocketAddress?) -> Bool {
        switch self {
        case .automatic: !RemoteAddress.isLoopback(remote)
        case .always: true
        case .never: false
        }
    }

    /// Why a connection from `remote` must not stay as it is, in clear; `nil` where it may.
    func refusal(ofPlainFrom remote: SocketAddress?) -> TransportError? {
        let isRefused =
            switch self {
            case .automatic: !RemoteAddress.isLoopback(remote)
            case .always: true
            case .never: false
            }
        guard isRefused else { return nil }
        return TransportError(
            .encryptionRequired,
            "this connection is not encrypted, and the master's setting tls is \(rawValue): set tls to auto or on here, or, where "
                + "this program is older than the master, install the master's release")
    }
}

/// The two kinds of ends of encrypted channels in this process.
enum TLSContexts {
    /// Shared by all connections that this process opens.
    private static let connecting = Result { try TLSContext(.connecting) }

    /// - Throws: `TransportError` with code `tls-failed`.
    static func forConnecting() throws(TransportError) -> TLSContext {
        switch connecting {
        case .success(let context): return context
        case .failure(let error): throw unusable(error)
        }
    }

    /// - Throws: `TransportError` with code `tls-failed`.
    static func forAccepting() throws(TransportError) -> TLSContext {
        do { return try TLSContext(.accepting) } catch { throw unusable(error) }
    }

    private static func unusable(_ error: any Error) -> TransportError {
        TransportError(
            .encryptionFailed,
            "this machine's OpenSSL offers no TLS 1.3 (\(error)): look at its configuration, which OPENSSL_CONF may name"
        )
    }
}
