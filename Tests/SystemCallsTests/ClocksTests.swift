import Glibc
import Testing

@testable import SystemCalls

@Suite struct ClocksTests {
    @Test func `times are ISO 8601 in UTC`() {
        #expect(timespec(tv_sec: 0, tv_nsec: 999_999).utcText == "1970-01-01T00:00:00.000Z")
        #expect(timespec(tv_sec: 951_782_399, tv_nsec: 7_000_000).utcText == "2000-02-28T23:59:59.007Z")
        #expect(timespec(milliseconds: 951_782_399_007).utcText == "2000-02-28T23:59:59.007Z")
    }
}
