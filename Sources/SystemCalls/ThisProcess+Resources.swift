import CSystemCalls
import Glibc

extension ThisProcess {
    /// Raises the number of files and connections that may be open to the most that the process may choose itself. The usual
    /// 1,024 is a precaution for programs that use select(2).
    ///
    /// - Parameter bound: not raised beyond this.
    /// - Returns: the limit from now on.
    package static func raiseOpenFileLimit(to bound: Int = .max) -> Int {
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0 else { return 0 }
        let wanted = min(limit.rlim_max, rlim_t(bound))
        if limit.rlim_cur < wanted {
            let before = limit.rlim_cur
            limit.rlim_cur = wanted
            if setrlimit(resource, &limit) != 0 { limit.rlim_cur = before }
        }
        return Int(clamping: limit.rlim_cur)
    }

    /// Bytes of this process in physical memory, by /proc/self/statm; 0 where there is no such file.
    package static var residentByteCount: UInt64 {
        guard let file = OwnedDescriptor(result: open("/proc/self/statm", O_RDONLY | O_CLOEXEC)),
            let bytes = file.read(upTo: 128)
        else { return 0 }
        // "size resident shared ...", in pages.
        let fields = bytes.split(separator: UInt8(ascii: " "))
        guard fields.count > 1, let pages = UInt64(String(decoding: fields[1], as: UTF8.self)) else { return 0 }
        return pages * UInt64(sysconf(CInt(_SC_PAGESIZE)))
    }

    /// Bounds the memory that the allocator keeps for threads that no longer need it. With one arena per thread, whatever a
    /// thread once used stays resident. To be called before other threads allocate.
    package static func limitAllocatorArenas(to count: CInt) { _ = tsr_system_limit_arenas(count) }
}
