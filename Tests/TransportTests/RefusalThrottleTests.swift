import NIOCore
import Testing

@testable import Transport

@Suite struct `The log of refused connections` {
    @Test func `names the first of a crowd, and counts the others`() {
        var throttle = RefusalThrottle()
        let start = NIODeadline.uptimeNanoseconds(1)
        for _ in 0..<RefusalThrottle.linesPerPeriod { #expect(throttle.refused(at: start) == .log(leftOut: 0)) }
        for second in 0..<9 {
            for _ in 0..<1000 { #expect(throttle.refused(at: start + .seconds(Int64(second))) == .leaveOut) }
        }
        #expect(throttle.refused(at: start + RefusalThrottle.period) == .log(leftOut: 9000))
        #expect(throttle.refused(at: start + RefusalThrottle.period) == .log(leftOut: 0))
    }

    @Test func `names everyone as long as they are few`() {
        var throttle = RefusalThrottle()
        for minute in 0..<100 {
            #expect(throttle.refused(at: .uptimeNanoseconds(1) + .minutes(Int64(minute))) == .log(leftOut: 0))
        }
    }
}
