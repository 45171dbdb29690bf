import JobModel
import Retrying
import SeededFaults

/// Decides when a worker connects to its master again, and what it forgets before it does. Performs no I/O, reads no clock.
///
/// ```
///   connecting --authenticated--> connected --registered--> registered
///       ^  |         (replaced)       |                         |
///       |  |             |            |                         |
///       |  +------- ended ------------+---------- ended --------+
///       |              |
///       +--- wait -----+----- give up: the worker stops
/// ```
/// A master says of which generation its state is. One whose state was replaced by a restored one is not served: two masters
/// would hand out the same tasks. A worker that comes to another state than the one it served holds nothing of that any more.
public struct MasterLinkState: Sendable {
    /// Why a connection, or the attempt to make one, ended.
    public enum End: Sendable, Hashable {
        case lost(Persistence)
        /// The worker registered on another connection, or its number was given to another worker.
        case replaced
        /// The master computes results of another revision.
        case releaseDiffers
    }

    /// What the worker does before it connects again.
    public enum Preparation: Sendable, Hashable {
        case none
        /// The next registration asks for a new number: a master whose state is new may have given the old one away.
        case forgetNumber
        /// What the worker holds is of no use to this master.
        case dropLeases
    }

    /// What the worker is to the master that it is connected to.
    public enum Acquaintance: Sendable, Hashable {
        /// It continues where it was: the master's state is the one that it served last, or is not told.
        case continues
        /// Its leases and its number are of another state: it has none here.
        case startsOver
        /// The master's state was replaced by this one, which the worker has met: it says nothing here.
        case refuses(because: Generation)
    }

    /// Heartbeats without a reply after which the connection counts as half-open.
    public static let silenceLimit = 10

    private var retries = Retries(.workerLink(wasConnected: false))
    /// The generations that the worker has met, in this run and before.
    public private(set) var memory: GenerationMemory
    /// The state that the worker's leases and its number are of, as far as it was told.
    public private(set) var served: Generation?

    public init(memory: GenerationMemory = GenerationMemory()) { self.memory = memory }

    /// Both sides know each other: the settings are right, and only time can be in the way from now on.
    /// - Parameter generation: of the master's state; `nil` from a master of an earlier release.
    public mutating func authenticated(by generation: Generation? = nil) -> Acquaintance {
        retries.policy = .workerLink(wasConnected: true)
        guard let generation else { return .continues }
        if case .replaced(let latest) = memory.meet(generation), !seeded(.replacedMasterServed) {
            return .refuses(because: latest)
        }
        let isOther = served.map { $0 != generation } ?? false
        served = generation
        return seeded(.leasesOutliveTheirMaster, false, else: isOther) ? .startsOver : .continues
    }

    /// Whether a master of the generation is the one that the worker serves; of what is not told nothing can be said.
    public func serves(_ generation: Generation?) -> Bool {
        guard let generation, let served else { return true }
        return generation == served
    }

    /// Takes over what other workers have met.
    public mutating func remember(_ memory: GenerationMemory) { self.memory.merge(memory) }

    /// The master accepted the registration.
    public mutating func registered() { retries.succeeded() }

    /// - Parameter now: the time on any clock that never goes back.
    public mutating func ended(
        _ end: End, at now: Duration, using random: inout some RandomNumberGenerator
    ) -> (preparation: Preparation, verdict: RetryPolicy.Verdict) {
        switch end {
        case .lost(let persistence): (.none, retries.failed(persistence, at: now, using: &random))
        case .replaced: (.forgetNumber, retries.failed(.passing, at: now, using: &random))
        case .releaseDiffers: (.dropLeases, retries.failed(.passing, at: now, using: &random))
        }
    }

    /// Whether a connection on which nothing was heard for that long is given up.
    public static func isSilent(_ silence: Duration, heartbeatInterval: Duration) -> Bool {
        silence > heartbeatInterval * silenceLimit
    }
}
