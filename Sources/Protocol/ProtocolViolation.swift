/// What a peer sent against the protocol: the field, the value it had, and what is allowed. The peer is closed for it.
public struct ProtocolViolation: Error, Hashable, CustomStringConvertible {
    /// The stable code that goes on the wire and into metric labels.
    public static let code = "protocol"

    /// Which field of which message, e.g. `Lease.step` or `frame length`.
    public let field: String
    /// The value as a person reads it; long values are cut.
    public let value: String
    public let allowed: String

    public init(field: String, value: String, allowed: String) {
        self.field = field
        self.value = value.count > 80 ? String(value.prefix(80)) + "..." : value
        self.allowed = allowed
    }

    init(_ field: String, _ value: some BinaryInteger, allowed: String) {
        self.init(field: field, value: String(value), allowed: allowed)
    }

    public var description: String { "the peer sent \(field) = \(value); allowed is \(allowed)" }
}
