import CTLS

/// What all encrypted channels of one end share.
///
/// Unchecked: OpenSSL counts the references of a context itself, and nothing changes one after its making.
public final class TLSContext: @unchecked Sendable {
    /// Which end of its channels a context makes.
    public enum End: Sendable, Hashable, CaseIterable {
        /// The end that opened the connection.
        case connecting
        /// The end that took it. Its certificate is made with the context, signed by itself, and ends with it.
        case accepting
    }

    /// Whose certificates prove the name of a server.
    public enum Authorities: Sendable, Hashable {
        /// The system's, as Debian's package `ca-certificates` has them.
        case ofSystem
        /// Those of a file (PEM).
        case file(String)
    }

    public let end: End
    /// Whether its channels are to servers of others, which prove their names by certificates.
    public let verifies: Bool
    let pointer: OpaquePointer

    /// A context of two programs that prove themselves inside their channels.
    /// - Throws: `TLSError` when OpenSSL refuses, as where the system's policy forbids TLS 1.3.
    public init(_ end: End) throws(TLSError) {
        self.end = end
        verifies = false
        pointer = try Self.made { tsr_tls_context_new(end == .accepting, $0, $1) }
    }

    /// The connecting end of channels to servers of others.
    /// - Throws: `TLSError` when OpenSSL refuses, or cannot read the file.
    public init(verifyingBy authorities: Authorities) throws(TLSError) {
        end = .connecting
        verifies = true
        pointer =
            switch authorities {
            case .ofSystem: try Self.made { tsr_tls_context_new_verifying(nil, $0, $1) }
            case .file(let path): try Self.made { tsr_tls_context_new_verifying(path, $0, $1) }
            }
    }

    private static func made(
        _ body: (UnsafeMutablePointer<CChar>, Int) -> OpaquePointer?
    ) throws(TLSError) -> OpaquePointer {
        var reason = [CChar](repeating: 0, count: 160)
        let count = reason.count
        if let pointer = body(&reason, count) { return pointer }
        let words = reason.prefix { $0 != 0 }.map(UInt8.init(bitPattern:))
        throw TLSError(reason: String(decoding: words, as: UTF8.self))
    }

    deinit { tsr_tls_context_free(pointer) }
}

/// Why a channel, or a context, cannot be used.
public struct TLSError: Error, Hashable, CustomStringConvertible {
    /// OpenSSL's words.
    public let reason: String

    public init(reason: String) { self.reason = reason }

    public var description: String { reason }
}
