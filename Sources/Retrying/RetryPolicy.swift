/// Which failures are tried again, how long, and after which pauses. Performs no I/O, reads no clock, draws no randomness of
/// its own.
public struct RetryPolicy: Sendable, Hashable {
    /// Failures that are tried again. All others end the work at once.
    public var retried: Set<Persistence>
    public var backoff: Backoff
    /// How long failures may follow each other; `nil`: without end. The last attempt is made at its end.
    public var patience: Duration?
    /// The same where the other side says when to come back, counted from the first failure; never cut short, but given up when
    /// the time that it names is beyond.
    public var patienceWhenAsked: Duration?

    public enum Verdict: Sendable, Hashable {
        case wait(Duration)
        case giveUp
    }

    public init(
        retried: Set<Persistence>, backoff: Backoff = Backoff(), patience: Duration? = nil,
        patienceWhenAsked: Duration? = nil
    ) {
        self.retried = retried
        self.backoff = backoff
        self.patience = patience
        self.patienceWhenAsked = patienceWhenAsked
    }

    /// Factor on the pause that the other side asks for, so that clients told the same pause do not return together.
    public static let jitterWhenAsked = 1.0...1.25

    /// - Parameters:
    ///   - retryAfter: how long the other side asks to wait.
    ///   - attempt: how many attempts failed before this one.
    ///   - elapsed: since the first of them; zero when there was none.
    public func verdict(
        on persistence: Persistence, retryAfter: Duration? = nil, attempt: Int, elapsed: Duration,
        using random: inout some RandomNumberGenerator
    ) -> Verdict {
        if let retryAfter {
            let pause = retryAfter * Double.random(in: Self.jitterWhenAsked, using: &random)
            if let patienceWhenAsked, elapsed + pause >= patienceWhenAsked { return .giveUp }
            return .wait(pause)
        }
        guard retried.contains(persistence) else { return .giveUp }
        let pause = backoff.delay(attempt: attempt, using: &random)
        guard let patience else { return .wait(pause) }
        guard elapsed < patience else { return .giveUp }
        return .wait(min(pause, patience - elapsed))
    }
}

/// The failures of one piece of work since its last success, judged by a policy. Performs no I/O, reads no clock.
public struct Retries: Sendable {
    public var policy: RetryPolicy
    /// Attempts that failed since the last success.
    public private(set) var attempt = 0
    private var firstFailure: Duration?

    public init(_ policy: RetryPolicy) { self.policy = policy }

    /// An attempt failed.
    /// - Parameter now: the time on any clock that never goes back.
    public mutating func failed(
        _ persistence: Persistence, retryAfter: Duration? = nil, at now: Duration,
        using random: inout some RandomNumberGenerator
    ) -> RetryPolicy.Verdict {
        let elapsed = now - (firstFailure ?? now)
        let verdict = policy.verdict(
            on: persistence, retryAfter: retryAfter, attempt: attempt, elapsed: elapsed, using: &random)
        if firstFailure == nil { firstFailure = now }
        attempt += 1
        return verdict
    }

    /// An attempt failed by an error.
    public mutating func failed(
        _ error: any Error, at now: Duration, using random: inout some RandomNumberGenerator
    ) -> RetryPolicy.Verdict {
        failed(
            Persistence(of: error), retryAfter: (error as? any ClassifiedError)?.retryAfter, at: now, using: &random)
    }

    /// An attempt succeeded: the next failure is a first one.
    public mutating func succeeded() {
        attempt = 0
        firstFailure = nil
    }
}
