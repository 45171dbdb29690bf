/// Whether trying again can help.
public enum Persistence: Sendable, Hashable, CaseIterable {
    /// There was no answer: the other side does not run, or cannot be reached.
    case absent
    /// There was an answer, and the obstacle disappears by itself.
    case passing
    /// The obstacle remains until somebody changes a setting, a file or a program.
    case untilChanged
    /// Nothing is known: the other side broke the protocol, or gave a reason that this release does not know.
    case unclear
}

/// An error that says by itself whether trying again can help.
public protocol ClassifiedError: Error {
    var persistence: Persistence { get }
    /// How long the other side asks to wait before the next attempt; `nil` when it does not say.
    var retryAfter: Duration? { get }
}

extension ClassifiedError {
    public var retryAfter: Duration? { nil }
}

extension Persistence {
    /// What `error` says of itself; `unclear` when it says nothing.
    public init(of error: any Error) { self = (error as? any ClassifiedError)?.persistence ?? .unclear }
}
