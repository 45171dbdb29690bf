import JobModel

/// A number of events per second, on average over ten seconds. Reads no clock.
///
/// The generic cell rate algorithm (ITU-T I.371, annex A): its only state is the time until which the events so far would have
/// lasted at the permitted rate.
public struct RateLimit: Sendable {
    /// A burst may be as large as the number of events permitted in this time.
    public static let period = Duration.seconds(10)

    public let countPerSecond: Int
    private var paidUntil = Instant.zero

    public init(countPerSecond: Int) {
        precondition(countPerSecond > 0, "\(countPerSecond) per second is not a limit")
        self.countPerSecond = countPerSecond
    }

    /// - Returns: whether `count` more are within the limit; if not, they are not counted.
    public mutating func take(_ count: Int = 1, at now: Instant) -> Bool {
        let time = Duration.nanoseconds(count * 1_000_000_000 / countPerSecond)
        let end = max(paidUntil, now) + time
        guard end - now <= Self.period else { return false }
        paidUntil = end
        return true
    }
}
