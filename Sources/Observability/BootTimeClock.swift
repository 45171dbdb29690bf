import Glibc

/// The machine's monotonic clock, which goes on while the machine is suspended: CLOCK_BOOTTIME.
public enum BootTimeClock {
    /// Nanoseconds since boot.
    public static var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}

/// The time that people read. No decision depends on it: it may be set forward and back.
public enum WallClock {
    /// Milliseconds since 1970-01-01 00:00 UTC.
    public static var millisecondsSince1970: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(time.tv_sec) * 1000 + UInt64(time.tv_nsec) / 1_000_000
    }
}
