import Retrying
import SeededRandom
import Testing

private struct Failed: ClassifiedError {
    var persistence: Persistence
    var retryAfter: Duration?
}

@Suite struct BackoffTests {
    @Test func `delays stay below a ceiling that doubles up to the maximum`() {
        var random = SeededGenerator(seed: 3)
        let backoff = Backoff(base: .milliseconds(50), maximum: .seconds(3))
        let ceilings = [50, 100, 200, 400, 800, 1600, 3000, 3000, 3000]
        for _ in 0..<200 {
            for (attempt, ceiling) in ceilings.enumerated() {
                let delay = backoff.delay(attempt: attempt, using: &random)
                #expect(delay >= .zero && delay <= .milliseconds(ceiling))
            }
        }
        #expect(backoff.ceiling(attempt: .max) == .seconds(3))
    }

    @Test func `delays are spread over the whole range`() {
        var random = SeededGenerator(seed: 4)
        let backoff = Backoff(base: .milliseconds(100))
        let short = (0..<1000).count { _ in backoff.delay(attempt: 0, using: &random) < .milliseconds(50) }
        #expect((401...599).contains(short))
    }
}

@Suite struct RetryPolicyTests {
    /// Runs failures that follow each other as fast as the policy lets them.
    /// - Returns: the pauses until it gives up, at most 100.
    private func pauses(
        _ policy: RetryPolicy, _ persistence: Persistence, retryAfter: Duration? = nil, seed: UInt64 = 1
    ) -> [Duration] {
        var random = SeededGenerator(seed: seed)
        var retries = Retries(policy)
        var now = Duration.seconds(1000)
        var pauses: [Duration] = []
        while pauses.count < 100 {
            guard
                case .wait(let pause) = retries.failed(
                    Failed(persistence: persistence, retryAfter: retryAfter), at: now, using: &random)
            else { break }
            pauses.append(pause)
            now += pause
        }
        return pauses
    }

    @Test func `the same seed gives the same pauses`() {
        #expect(pauses(.taskBlob, .absent) == pauses(.taskBlob, .absent))
        #expect(pauses(.taskBlob, .absent, seed: 2) != pauses(.taskBlob, .absent))
    }

    @Test(arguments: [1, 2, 3] as [UInt64]) func `the last attempt is made when the patience is over`(seed: UInt64) {
        let policy = RetryPolicy.session(patience: .seconds(10), wasConnected: true)
        #expect(pauses(policy, .absent, seed: seed).reduce(.zero, +) == .seconds(10))
    }

    @Test func `without patience there is one attempt`() {
        #expect(pauses(RetryPolicy(retried: [.absent], patience: .zero), .absent).isEmpty)
    }

    @Test func `a pause that is asked for is drawn out by a quarter at most, and never cut short`() {
        let asked = pauses(.session(patience: .seconds(1), wasConnected: true), .passing, retryAfter: .seconds(8))
        // A command waits as long as the master asks it to.
        #expect(asked.count == 100)
        #expect(asked.allSatisfy { (.seconds(8) ... .seconds(10)).contains($0) })
        #expect(Set(asked).count > 50)
        let bounded = pauses(.taskBlob, .passing, retryAfter: .seconds(50))
        #expect(bounded.count == 1 || bounded.count == 2)
        #expect(bounded.allSatisfy { $0 >= .seconds(50) })
        #expect(pauses(.taskBlob, .passing, retryAfter: .seconds(121)).isEmpty)
    }

    @Test func `a success makes the next failure a first one`() {
        var random = SeededGenerator(seed: 5)
        var retries = Retries(RetryPolicy(retried: [.absent], patience: .seconds(5)))
        for second in 0..<5 { #expect(retries.failed(.absent, at: .seconds(second), using: &random) != .giveUp) }
        #expect(retries.attempt == 5)
        #expect(retries.failed(.absent, at: .seconds(5), using: &random) == .giveUp)
        retries.succeeded()
        #expect(retries.attempt == 0)
        #expect(retries.failed(.absent, at: .seconds(100), using: &random) != .giveUp)
    }

    @Test func `an error that says nothing of itself is unclear`() {
        struct Unknown: Error {}
        var random = SeededGenerator(seed: 6)
        var retries = Retries(.taskBlob)
        #expect(retries.failed(Unknown(), at: .zero, using: &random) == .giveUp)
        retries.policy.retried.insert(.unclear)
        #expect(retries.failed(Unknown(), at: .zero, using: &random) != .giveUp)
    }

    @Test(arguments: Persistence.allCases) func `every use has its own failures that it tries again`(
        persistence: Persistence
    ) {
        func isRetried(_ policy: RetryPolicy) -> Bool { !pauses(policy, persistence).isEmpty }
        #expect(isRetried(.workerLink(wasConnected: true)))
        #expect(isRetried(.workerLink(wasConnected: false)) == (persistence != .untilChanged))
        #expect(isRetried(.taskBlob) == [.absent, .passing].contains(persistence))
        #expect(
            isRetried(.session(patience: .seconds(9), wasConnected: true)) == [.absent, .passing].contains(persistence))
        #expect(isRetried(.session(patience: .seconds(9), wasConnected: false)) == (persistence == .passing))
        #expect(isRetried(.admission(patience: .seconds(9))) == (persistence == .passing))
    }
}
