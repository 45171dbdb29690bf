import Protocol
import Retrying

/// The master declined a request.
public struct MasterRefusal: Error, Hashable, CustomStringConvertible {
    /// The stable code; docs/protocol.md lists them.
    public let code: RefusalCode
    /// The master's words for a person.
    public let message: String
    /// When a retry may succeed; `nil` when it will not help.
    public let retryAfter: Duration?

    public init(_ code: RefusalCode, _ message: String, retryAfter: Duration? = nil) {
        self.code = code
        self.message = message
        self.retryAfter = retryAfter
    }

    public init(_ refusal: WireRefusal) {
        self.init(refusal.refusalCode, refusal.message, retryAfter: refusal.retryAfter)
    }

    public var description: String {
        let hint = retryAfter.map { "; retry after \($0)" } ?? ""
        return "\(message)\(hint) (\(code))"
    }
}

extension MasterRefusal: ClassifiedError {
    public var persistence: Persistence { retryAfter == nil ? .untilChanged : .passing }
}
