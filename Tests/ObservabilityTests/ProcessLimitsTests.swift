import Glibc
import Observability
import Testing

@Suite struct ProcessLimitsTests {
    @Test func `as many files may be open as the process may choose itself`() {
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var before = rlimit()
        getrlimit(resource, &before)
        defer { setrlimit(resource, &before) }
        var low = before
        low.rlim_cur = min(512, before.rlim_max)
        setrlimit(resource, &low)
        #expect(ProcessLimits.raiseOpenFileCount() == Int(clamping: before.rlim_max))
        var after = rlimit()
        getrlimit(resource, &after)
        #expect(after.rlim_cur == before.rlim_max)
    }
}
