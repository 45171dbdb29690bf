import Synchronization

/// Whether the peer of a connection has gone, or will send nothing more, which looks the same from here.
///
/// Work whose answer nobody waits for is ended by it. It is not asked where a peer may close its side and still listen.
final class PeerDeparture: Sendable {
    private struct State {
        var hasHappened = false
        var reaction: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())

    func happened() {
        let reaction = state.withLock { state in
            state.hasHappened = true
            return state.reaction
        }
        reaction?()
    }

    /// Calls `react` once the peer leaves during `work`, from any thread. One request at a time has work to watch.
    nonisolated(nonsending)
        func watch<Value>(_ work: () async throws -> Value, react: @escaping @Sendable () -> Void) async throws -> Value
    {
        let isOver = state.withLock { state in
            state.reaction = react
            return state.hasHappened
        }
        if isOver { react() }
        defer { state.withLock { $0.reaction = nil } }
        return try await work()
    }
}
