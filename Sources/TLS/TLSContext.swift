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

    public let end: End
    let pointer: OpaquePointer

    /// - Throws: `TLSError` when OpenSSL refuses, as where the system's policy forbids TLS 1.3.
    public init(_ end: End) throws(TLSError) {
        self.end = end
        var reason = [CChar](repeating: 0, count: 160)
        guard let pointer = tsr_tls_context_new(end == .accepting, &reason, reason.count) else {
            let words = reason.prefix { $0 != 0 }.map(UInt8.init(bitPattern:))
            throw TLSError(reason: String(decoding: words, as: UTF8.self))
        }
        self.pointer = pointer
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
