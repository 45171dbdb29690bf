import Protocol

/// The master understood a request and declined it.
public struct MasterRefusal: Error, Hashable, CustomStringConvertible {
    /// The stable code, e.g. `not-found`, `queue-full`; docs/protocol.md lists them.
    public let code: String
    /// The master's words for a person.
    public let message: String
    /// When a retry may succeed; `nil` when it will not help.
    public let retryAfter: Duration?

    public init(code: String, message: String, retryAfter: Duration? = nil) {
        self.code = code
        self.message = message
        self.retryAfter = retryAfter
    }

    public init(_ refusal: WireRefusal) {
        self.init(
            code: refusal.code, message: refusal.message,
            retryAfter: refusal.retryAfterMilliseconds == 0
                ? nil : .milliseconds(Int64(clamping: refusal.retryAfterMilliseconds)))
    }

    public var description: String {
        let hint = retryAfter.map { "; retry after \($0)" } ?? ""
        return "\(message)\(hint) (\(code))"
    }
}
