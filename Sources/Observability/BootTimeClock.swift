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
