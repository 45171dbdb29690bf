/// A violation of the protocol: the field, its value, and what is allowed. The connection is closed.
public struct ProtocolViolation: Error, Hashable, CustomStringConvertible {
    /// The code that tells the peer.
    public var code: RefusalCode { isDamage ? .damaged : .protocolViolation }

    /// Which field of which message, e.g. `Lease.step` or `frame length`.
    public let field: String
    /// The value as a person reads it; long values are cut.
    public let value: String
    public let allowed: String
    /// Whether the bytes were changed, repeated or lost on their way. The peer has not erred: over a new connection all may
    /// be well.
    public let isDamage: Bool

    public init(field: String, value: String, allowed: String) {
        self.field = field
        self.value = value.count > 80 ? String(value.prefix(80)) + "..." : value
        self.allowed = allowed
        isDamage = false
    }

    private init(damaged field: String, value: String, allowed: String) {
        self.field = field
        self.value = value
        self.allowed = allowed
        isDamage = true
    }

    /// A checksum differs from what was computed here.
    static func damage(field: String, value: UInt32, expected: UInt32) -> ProtocolViolation {
        ProtocolViolation(
            damaged: field, value: String(value, radix: 16), allowed: "\(String(expected, radix: 16)), as computed")
    }

    init(_ field: String, _ value: some BinaryInteger, allowed: String) {
        self.init(field: field, value: String(value), allowed: allowed)
    }

    public var description: String {
        isDamage
            ? "a frame was changed, repeated or lost on its way: \(field) is \(value), not \(allowed)"
            : "the peer sent \(field) = \(value); allowed is \(allowed)"
    }
}
