import Glibc

/// What a process has used so far and holds at present.
package struct ProcessUsage: Sendable {
    /// Processor time of all threads, in user and system mode.
    package let processorSeconds: Double
    package let residentByteCount: UInt64
    /// 0 where there is no /proc.
    package let openFileCount: Int
    package let openFileLimit: UInt64
}

extension ThisProcess {
    package static var usage: ProcessUsage {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        // One of them is the directory itself.
        let files = (try? directoryEntries(at: "/proc/self/fd").count) ?? 1
        return ProcessUsage(
            processorSeconds: seconds(usage.ru_utime) + seconds(usage.ru_stime), residentByteCount: residentByteCount,
            openFileCount: max(0, files - 1), openFileLimit: UInt64(limit.rlim_cur))
    }

    /// When the process began, in seconds since 1970-01-01 00:00 UTC; the time of the first question where there is no /proc.
    ///
    /// Computed once: an administrator may set the clock later.
    package static let startSecondsSince1970: Double = {
        let now = Double(WallClock.now.nanoseconds) / 1e9
        // The fields behind the name of the program, which may have any bytes, and ends with the last bracket.
        let file = OwnedDescriptor(result: open("/proc/self/stat", O_RDONLY | O_CLOEXEC))
        let text = String(decoding: file?.read(upTo: 1_024) ?? [], as: UTF8.self)
        let fields = text[(text.lastIndex(of: ")") ?? text.endIndex)...].split(separator: " ")
        // Field 22 of proc(5): clock ticks from boot to the start. The bracket is at the end of field 2.
        guard fields.count > 20, let ticks = Double(fields[20]) else { return now }
        return now - (Double(BootTimeClock.now) / 1e9 - ticks / Double(sysconf(CInt(_SC_CLK_TCK))))
    }()
}
