import Glibc

/// What the system lets this process have.
public enum ProcessLimits {
    /// Raises the number of files and connections that may be open to the greatest that the process may choose itself: the
    /// usual 1024 are a caution for programs that use select(2).
    ///
    /// - Returns: the limit from now on.
    public static func raiseOpenFileCount() -> Int {
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0 else { return 0 }
        if limit.rlim_cur < limit.rlim_max {
            let before = limit.rlim_cur
            limit.rlim_cur = limit.rlim_max
            if setrlimit(resource, &limit) != 0 { limit.rlim_cur = before }
        }
        return Int(clamping: limit.rlim_cur)
    }
}
