import Synchronization

/// The secrets of a process, which may change while it runs: connections that are made afterwards use the new ones.
public final class Keyring: Sendable {
    /// What a secret that a peer has proved is worth now.
    public enum Standing: Sendable, Hashable {
        case newest
        /// It is accepted until it is retired.
        case former
        /// It is not accepted any more.
        case retired
    }

    private struct State {
        var secrets: Secrets
        var waiting: [Int: AsyncStream<Void>.Continuation] = [:]
        var lastTicket = 0
    }

    private let state: Mutex<State>

    public init(_ secrets: Secrets) { state = Mutex(State(secrets: secrets)) }

    /// A ring with one secret.
    public convenience init(_ secret: SharedSecret) { self.init(Secrets(secret)) }

    public var secrets: Secrets { state.withLock { $0.secrets } }

    /// - Returns: whether they differ from those before.
    @discardableResult
    public func replace(with secrets: Secrets) -> Bool {
        let (isChanged, waiting) = state.withLock { state in
            let isChanged = state.secrets != secrets
            let waiting = isChanged ? Array(state.waiting.values) : []
            state.secrets = secrets
            if isChanged { state.waiting = [:] }
            return (isChanged, waiting)
        }
        for continuation in waiting { continuation.finish() }
        return isChanged
    }

    public func standing(of secret: SharedSecret) -> Standing {
        let secrets = secrets
        if secret == secrets.newest { return .newest }
        return secret == secrets.former ? .former : .retired
    }

    /// Waits until another secret than `secret` is the newest.
    /// - Throws: `CancellationError`.
    public func waitUntilReplaced(_ secret: SharedSecret) async throws {
        while true {
            let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
            let ticket: Int? = state.withLock { state in
                guard state.secrets.newest == secret else { return nil }
                state.lastTicket += 1
                state.waiting[state.lastTicket] = continuation
                return state.lastTicket
            }
            guard let ticket else { return }
            // Ends when the secrets are replaced, or with the task.
            for await _ in stream {}
            state.withLock { $0.waiting[ticket] = nil }
            try Task.checkCancellation()
        }
    }
}
