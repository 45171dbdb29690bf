import JobModel

/// When an event happened, by both clocks: the one that decides and the one that people read.
public struct Moment: Hashable, Sendable {
    /// Decides every deadline. Monotonic; never set back.
    public var instant: Instant
    /// Milliseconds since 1970. Only copied into records that are shown to people: no decision depends on it.
    public var wallClockMilliseconds: UInt64

    public init(_ instant: Instant, wallClockMilliseconds: UInt64) {
        self.instant = instant
        self.wallClockMilliseconds = wallClockMilliseconds
    }
}
