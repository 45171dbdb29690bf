import Glibc

/// The machine's monotonic clock, which also counts while the machine is suspended: CLOCK_BOOTTIME.
package enum BootTimeClock {
    /// Nanoseconds since boot.
    package static var now: UInt64 { UInt64(clockTime(CLOCK_BOOTTIME).nanoseconds) }
}

/// The time of day. No decision depends on it: an administrator may set it forward and back.
package enum WallClock {
    /// The time since 1970-01-01 00:00 UTC.
    package static var now: timespec { clockTime(CLOCK_REALTIME) }

    /// Milliseconds since 1970-01-01 00:00 UTC.
    package static var millisecondsSince1970: UInt64 { UInt64(now.nanoseconds / 1_000_000) }
}

private func clockTime(_ clock: clockid_t) -> timespec {
    var time = timespec()
    clock_gettime(clock, &time)
    return time
}

extension timespec {
    package var nanoseconds: Int64 { Int64(tv_sec) * 1_000_000_000 + Int64(tv_nsec) }

    package init(nanoseconds: Int64) {
        self.init(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
    }
}
