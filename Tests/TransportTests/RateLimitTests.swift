import JobModel
import SeededRandom
import Testing

@testable import Transport

@Suite struct RateLimitTests {
    @Test func `over any time no more passes than the rate permits, and a burst`() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed: seed)
        var limit = RateLimit(countPerSecond: 50)
        var now = Instant(nanoseconds: 1_000_000_000_000)
        let start = now
        var passed = 0
        for _ in 0..<10_000 {
            now = now + .milliseconds(.random(in: 0...30, using: &random))
            let count = Int.random(in: 1...20, using: &random)
            if limit.take(count, at: now) { passed += count }
            let permitted = 50 * ((now - start) / .seconds(1) + 10)
            #expect(Double(passed) <= permitted, "seed \(seed)")
        }
        // Far more was asked for: what the rate permits was used.
        #expect(Double(passed) > 50 * ((now - start) / .seconds(1)), "seed \(seed)")
    }

    @Test func `what is refused does not count`() {
        var limit = RateLimit(countPerSecond: 1)
        let now = Instant(nanoseconds: 5_000_000_000_000)
        let passed = (limit.take(10, at: now), (0..<1000).count { _ in limit.take(at: now) })
        #expect(passed == (true, 0))
        let passesLater = limit.take(at: now + .seconds(1))
        #expect(passesLater)
    }
}
