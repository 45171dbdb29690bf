/// Exponential backoff with full jitter.
///
/// The delay before attempt n is uniform between zero and `min(maximum, base * 2^n)`, so that a thousand peers that lost the
/// same master do not return together (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
public struct Backoff: Sendable, Hashable {
    public let base: Duration
    public let maximum: Duration

    public init(base: Duration = .milliseconds(50), maximum: Duration = .seconds(3)) {
        precondition(base > .zero && maximum >= base, "a backoff from \(base) to \(maximum) makes no sense")
        self.base = base
        self.maximum = maximum
    }

    /// The longest delay after `attempt` attempts that failed before.
    public func ceiling(attempt: Int) -> Duration {
        var ceiling = base
        var doublings = attempt
        while doublings > 0, ceiling < maximum {
            ceiling = min(maximum, ceiling * 2)
            doublings -= 1
        }
        return ceiling
    }

    /// The delay before the next attempt.
    public func delay(attempt: Int, using random: inout some RandomNumberGenerator) -> Duration {
        ceiling(attempt: attempt) * Double.random(in: 0...1, using: &random)
    }
}
