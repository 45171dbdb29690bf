import Glibc

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
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        wallClockAtOpening = time.nanoseconds
    }

    /// The time to give to a blob that is put now.
    var now: timespec {
        let nanoseconds = wallClockAtOpening + Int64(bootTime() - openedAt)
        return timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
    }

    var sinceOpening: Duration { .nanoseconds(Int64(bootTime() - openedAt)) }

    /// The time that has passed since `date`; negative when the date is in the future.
    func age(_ date: timespec) -> Duration { .nanoseconds(now.nanoseconds - date.nanoseconds) }

    @Sendable static func systemBootTime() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return UInt64(time.nanoseconds)
    }
}

extension timespec {
    fileprivate var nanoseconds: Int64 { Int64(tv_sec) * 1_000_000_000 + Int64(tv_nsec) }
}
