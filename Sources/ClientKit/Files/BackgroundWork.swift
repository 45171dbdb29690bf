import Synchronization

/// Blocking work that was begun off the cooperative pool, and whose end is awaited later.
///
/// It runs to its end whatever happens to the task that began it. A caller that needs it to be over awaits `end`.
package final class BackgroundWork<Success: Sendable>: Sendable {
    private struct State {
        var result: Result<Success, any Error>?
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// Begins `work`.
    package init(_ work: @escaping @Sendable () throws -> Success) {
        blockingWork.async { [self] in
            let result = Result(catching: work)
            let waiters = state.withLock { state in
                state.result = result
                return state.waiters
            }
            for waiter in waiters { waiter.resume() }
        }
    }

    package var hasEnded: Bool { state.withLock { $0.result != nil } }

    /// Waits until the work is over.
    package var end: Void {
        get async {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    if state.result == nil { state.waiters.append(continuation) }
                    return state.result != nil
                }
                if isOver { continuation.resume() }
            }
        }
    }

    /// What the work returned or threw.
    package var value: Success {
        get async throws {
            await end
            guard let result = state.withLock({ $0.result }) else { preconditionFailure("the work is over") }
            return try result.get()
        }
    }
}
