/// How long to wait before the next attempt: exponential, with full jitter.
///
/// The n-th delay is uniform between zero and `min(maximum, base * 2^n)`, so that a thousand peers that lost the same
/// master do not come back in step (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
public struct Backoff: Sendable {
    public let base: Duration
    public let maximum: Duration
    public private(set) var attemptCount = 0

    public init(base: Duration = .milliseconds(50), maximum: Duration = .seconds(3)) {
        precondition(base > .zero && maximum >= base, "a backoff from \(base) to \(maximum) makes no sense")
        self.base = base
        self.maximum = maximum
    }

    /// The delay before the next attempt.
    public mutating func next(using random: inout some RandomNumberGenerator) -> Duration {
        var ceiling = base
        for _ in 0..<attemptCount where ceiling < maximum { ceiling = min(maximum, ceiling * 2) }
        attemptCount += 1
        return ceiling * Double.random(in: 0...1, using: &random)
    }

    /// The last attempt succeeded: start over.
    public mutating func reset() { attemptCount = 0 }
}
