import Dispatch
import JobModel
import Synchronization

/// Hands records from the thread that reads and decodes them to the one that uses them, so that both work at once.
///
/// Bounded: the reader waits while enough batches are ready.
final class RecordPipe: Sendable {
    private struct State {
        var batches: [[Record]] = []
        /// Set when the reader has ended.
        var end: Result<Void, any Error>?
        var isAbandoned = false
    }

    private let state = Mutex(State())
    private let ready = DispatchSemaphore(value: 0)
    private let room = DispatchSemaphore(value: 4)

    /// - Returns: `false` when nobody wants more.
    func put(_ batch: [Record]) -> Bool {
        room.wait()
        let isWanted = state.withLock { state in
            if !state.isAbandoned { state.batches.append(batch) }
            return !state.isAbandoned
        }
        ready.signal()
        return isWanted
    }

    /// Nothing follows.
    func finish(_ end: Result<Void, any Error>) {
        state.withLock { $0.end = end }
        ready.signal()
    }

    /// The next batch; `nil` after the last.
    /// - Throws: what the reader ended with, after all that it had read.
    func take() throws -> [Record]? {
        ready.wait()
        let (batch, end) = state.withLock { state in
            (state.batches.isEmpty ? nil : state.batches.removeFirst(), state.end)
        }
        if let batch {
            room.signal()
            return batch
        }
        try end?.get()
        return nil
    }

    /// Nobody takes any more; returns when the reader has ended.
    func abandon() {
        state.withLock { state in
            state.isAbandoned = true
            state.batches = []
        }
        room.signal()
        while state.withLock({ $0.end == nil }) { ready.wait() }
    }
}
