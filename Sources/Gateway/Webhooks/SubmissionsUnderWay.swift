import Synchronization

/// Submissions between the master's answer and the storing of what the gateway knows of the job.
///
/// The master lists such a job already, and the webhooks that it names are not yet stored: an observer that has seen it waits until
/// they are.
final class SubmissionsUnderWay: Sendable {
    private struct State {
        var next: UInt64 = 0
        var underWay: Set<UInt64> = []
        var waiters: [(upTo: UInt64, continuation: CheckedContinuation<Void, Never>)] = []

        /// Those who wait for nothing any more.
        mutating func takeReady() -> [CheckedContinuation<Void, Never>] {
            let first = underWay.min() ?? .max
            let ready = waiters.filter { $0.upTo <= first }.map(\.continuation)
            waiters.removeAll { $0.upTo <= first }
            return ready
        }
    }

    private let state = Mutex(State())

    /// Runs `body` as a submission.
    func during<Result>(_ body: () async throws -> Result) async rethrows -> Result {
        let number = state.withLock { state in
            defer { state.next += 1 }
            state.underWay.insert(state.next)
            return state.next
        }
        defer {
            let ready = state.withLock { state in
                state.underWay.remove(number)
                return state.takeReady()
            }
            for waiter in ready { waiter.resume() }
        }
        return try await body()
    }

    /// What tells the submissions that have begun from later ones.
    var now: UInt64 { state.withLock { $0.next } }

    /// Returns when all submissions that had begun by then have ended.
    func ended(asOf moment: UInt64) async {
        await withCheckedContinuation { continuation in
            let ready = state.withLock { state in
                state.waiters.append((moment, continuation))
                return state.takeReady()
            }
            for waiter in ready { waiter.resume() }
        }
    }
}
