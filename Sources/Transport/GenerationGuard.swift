import JobModel
import Synchronization

/// Decides which masters a process talks to, by the generation of their state.
public protocol GenerationGuard: Sendable {
    /// A connection is authenticated, and nothing was sent on it.
    /// - Parameter generation: of the master's state; `nil` when the master does not say.
    /// - Throws: `TransportError` of code `replaced-master` or `other-master` when the connection must not be used.
    func check(_ generation: Generation?, of master: Endpoint, on channel: Peer.Channel) async throws

    /// Whether a connection to a master of the generation may still be used.
    func isCurrent(_ generation: Generation?) -> Bool
}

/// Remembers the generations that a process has met for as long as the process runs.
///
/// A new control connection decides which state the process works with; its data connections have to be of the same.
public final class SessionGenerations: GenerationGuard {
    private struct State {
        var memory = GenerationMemory()
        var current: Generation?
    }

    private let state = Mutex(State())

    public init() {}

    public func check(
        _ generation: Generation?, of master: Endpoint, on channel: Peer.Channel
    ) throws(TransportError) {
        switch channel {
        case .control: try admit(generation, of: master)
        case .data:
            let current = state.withLock { $0.current }
            guard let generation, let current, generation != current else { return }
            throw .otherMaster(generation, at: master, insteadOf: current)
        }
    }

    private func admit(_ generation: Generation?, of master: Endpoint) throws(TransportError) {
        guard let generation else { return }
        let latest = state.withLock { state -> Generation? in
            if case .replaced(let latest) = state.memory.meet(generation) { return latest }
            state.current = generation
            return nil
        }
        guard let latest else { return }
        throw .replacedMaster(
            generation, at: master, by: latest, remedy: "name the address of the restored one's master")
    }

    public func isCurrent(_ generation: Generation?) -> Bool {
        guard let generation, let current = state.withLock({ $0.current }) else { return true }
        return generation == current
    }
}

extension TransportError {
    /// - Parameter remedy: what a person does who wants the later state.
    public static func replacedMaster(
        _ generation: Generation, at master: Endpoint, by latest: Generation, remedy: String
    ) -> TransportError {
        TransportError(
            .replacedMaster,
            "the state of the master at \(master) is of generation \(generation.number), and was replaced by a restored one "
                + "of generation \(latest.number), whose master was met before (lineage \(generation.lineage)): stop this "
                + "master, and \(remedy)")
    }

    public static func otherMaster(
        _ generation: Generation, at master: Endpoint, insteadOf current: Generation
    ) -> TransportError {
        TransportError(
            .otherMaster,
            "the state of the master at \(master) is generation \(generation), and the control connection is to a master of "
                + "generation \(current); data go there only")
    }
}
