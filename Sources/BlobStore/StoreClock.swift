import Glibc
import SystemCalls

/// The clock that dates blobs, so that their ages do not depend on changes of the wall clock: the wall-clock time when the
/// store was opened, plus the time that CLOCK_BOOTTIME counted since.
struct StoreClock: Sendable {
    private let bootTime: @Sendable () -> UInt64
    private let openedAt: UInt64
    /// Nanoseconds since 1970.
    private let wallClockAtOpening: Int64

    /// - Parameter bootTime: nanoseconds of CLOCK_BOOTTIME, or of a test's clock.
    init(bootTime: @escaping @Sendable () -> UInt64) {
        self.bootTime = bootTime
        openedAt = bootTime()
        wallClockAtOpening = WallClock.now.nanoseconds
    }

    /// The timestamp of a blob that is put now.
    var now: timespec {
        timespec(nanoseconds: wallClockAtOpening + Int64(bootTime() - openedAt))
    }

    var sinceOpening: Duration { .nanoseconds(Int64(bootTime() - openedAt)) }

    /// The time that has passed since `date`; negative when the date is in the future.
    func age(_ date: timespec) -> Duration { .nanoseconds(now.nanoseconds - date.nanoseconds) }
}
