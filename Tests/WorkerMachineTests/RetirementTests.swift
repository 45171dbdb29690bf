import Testing
import WorkerMachine

@Suite struct `A worker's leaving by itself` {
    @Test func `without settings it stays`() {
        var retirement = Retirement(lifetime: nil, idleTimeout: nil, drainTimeout: .seconds(20), chance: 1)
        #expect(retirement.cause(at: .seconds(1 << 40), isIdle: true) == nil)
    }

    @Test(arguments: [0, 0.5, 1]) func `its drain ends before its lifetime`(chance: Double) {
        var retirement = Retirement(
            lifetime: .seconds(1000), idleTimeout: nil, drainTimeout: .seconds(20), chance: chance)
        // 20 s to drain, 5 s to end, and at most 50 s earlier than the others.
        let start = Duration.seconds(975) - .seconds(50) * chance
        #expect(retirement.cause(at: start - .milliseconds(1), isIdle: false) == nil)
        #expect(retirement.cause(at: start, isIdle: false) == .lifetime)
        #expect(retirement.cause(at: start, isIdle: true) == .lifetime)
    }

    @Test func `the time without work begins again with each task`() {
        var retirement = Retirement(lifetime: nil, idleTimeout: .seconds(60), drainTimeout: .seconds(20), chance: 0)
        #expect(retirement.cause(at: .seconds(10), isIdle: true) == nil)
        #expect(retirement.cause(at: .seconds(69), isIdle: true) == nil)
        #expect(retirement.cause(at: .seconds(69.5), isIdle: false) == nil)
        #expect(retirement.cause(at: .seconds(100), isIdle: true) == nil)
        #expect(retirement.cause(at: .seconds(159), isIdle: true) == nil)
        #expect(retirement.cause(at: .seconds(160), isIdle: true) == .idle)
    }

    @Test func `a lifetime that is too short for a drain ends at once`() {
        var retirement = Retirement(lifetime: .seconds(1), idleTimeout: nil, drainTimeout: .seconds(20), chance: 0)
        #expect(retirement.cause(at: .zero, isIdle: true) == .lifetime)
    }
}
