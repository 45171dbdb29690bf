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

extension timespec {
    /// ISO 8601 with milliseconds, UTC: `2026-12-03T15:23:20.191Z`.
    package var utcText: String {
        var seconds = tv_sec
        var fields = tm()
        gmtime_r(&seconds, &fields)
        func padded(_ number: Int, _ width: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let date = [(fields.tm_year + 1900, 4), (fields.tm_mon + 1, 2), (fields.tm_mday, 2)]
        let hour = [(fields.tm_hour, 2), (fields.tm_min, 2), (fields.tm_sec, 2)]
        return date.map { padded(Int($0), $1) }.joined(separator: "-") + "T"
            + hour.map { padded(Int($0), $1) }.joined(separator: ":") + "." + padded(tv_nsec / 1_000_000, 3) + "Z"
    }

    /// - Parameter milliseconds: since 1970-01-01 00:00 UTC.
    package init(milliseconds: UInt64) {
        self.init(tv_sec: Int(clamping: milliseconds / 1000), tv_nsec: Int(milliseconds % 1000) * 1_000_000)
    }
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
