import Glibc
import SystemCalls

/// Dates blobs so that their ages do not follow changes of the wall clock: wall-clock time of the moment when the store was
/// opened, plus what CLOCK_BOOTTIME counted since.
struct StoreClock: Sendable {
    private let bootTime: @Sendable () -> UInt64
    private let openedAt: UInt64
    /// Nanoseconds since 1970.
    private let wallClockAtOpening: Int64

    /// - Parameter bootTime: nanoseconds of CLOCK_BOOTTIME, or in tests of what stands for it.
    init(bootTime: @escaping @Sendable () -> UInt64) {
        self.bootTime = bootTime
        openedAt = bootTime()
        wallClockAtOpening = WallClock.now.nanoseconds
    }

    /// The time to give to a blob that is put now.
    var now: timespec {
        timespec(nanoseconds: wallClockAtOpening + Int64(bootTime() - openedAt))
    }

    var sinceOpening: Duration { .nanoseconds(Int64(bootTime() - openedAt)) }

    /// The time that has passed since `date`; negative when the date is in the future.
    func age(_ date: timespec) -> Duration { .nanoseconds(now.nanoseconds - date.nanoseconds) }
}
