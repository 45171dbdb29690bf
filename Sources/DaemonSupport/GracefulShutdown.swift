import Glibc
import Synchronization
import SystemCalls

/// The work of a daemon between its start and its end.
package protocol Service: Sendable {
    /// Returns soon after `gracefulShutdown` has returned.
    func run() async throws
}

/// Waits until this process is told to stop.
///
/// - Throws: `CancellationError` when the task is cancelled first.
package func gracefulShutdown() async throws { try await ShutdownOrder.current.wait() }

/// An order to stop, given once, and the tasks that wait for it.
final class ShutdownOrder: Sendable {
    /// The order to this process.
    static let current = ShutdownOrder()

    private struct State {
        var isGiven = false
        var waiting: [AsyncStream<Void>.Continuation] = []
    }

    private let state = Mutex(State())
    /// Counts signals; a signal handler may do nothing else than post a semaphore.
    private static let arrivals = CountingSemaphore()

    func give() {
        let waiting = state.withLock { state in
            state.isGiven = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.finish() }
    }

    func wait() async throws {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        let isGiven = state.withLock { state in
            if !state.isGiven { state.waiting.append(continuation) }
            return state.isGiven
        }
        if isGiven { return }
        // Ends when the order is given, or with the task.
        for await _ in stream {}
        try Task.checkCancellation()
    }

    /// Gives the order at the first of `signals`; later ones have no effect.
    ///
    /// The thread that waits is also the one that surely takes a signal to the process: those of Dispatch block nearly all.
    ///
    /// - Parameter first: called on that thread before the order is given.
    func give(at signals: [CInt], first: @escaping @Sendable () -> Void = {}) {
        // Made before a handler can ask for it.
        let arrivals = Self.arrivals
        for number in signals { signal(number) { _ in ShutdownOrder.arrivals.signal() } }
        startThread { [self] in
            var unblocked = sigset_t()
            sigemptyset(&unblocked)
            for number in signals { sigaddset(&unblocked, number) }
            pthread_sigmask(SIG_UNBLOCK, &unblocked, nil)
            arrivals.wait()
            first()
            give()
        }
    }
}
