/// A point on the machine's monotonic clock, which also counts while it is suspended (CLOCK_BOOTTIME). Comparable within one boot only.
public struct Instant: Hashable, Comparable, Sendable {
    public let nanoseconds: UInt64

    public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    public static let zero = Instant(nanoseconds: 0)

    public static func < (left: Instant, right: Instant) -> Bool { left.nanoseconds < right.nanoseconds }

    public static func + (instant: Instant, duration: Duration) -> Instant {
        Instant(nanoseconds: UInt64(max(0, Int64(instant.nanoseconds) + duration.nanoseconds)))
    }

    public static func - (left: Instant, right: Instant) -> Duration {
        .nanoseconds(Int64(left.nanoseconds) - Int64(right.nanoseconds))
    }
}
