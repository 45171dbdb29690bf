import Retrying

/// Decides when a worker connects to its master again, and what it forgets before it does. Performs no I/O, reads no clock.
///
/// ```
///   connecting --authenticated--> connected --registered--> registered
///       ^  |                          |                         |
///       |  +------- ended ------------+---------- ended --------+
///       |              |
///       +--- wait -----+----- give up: the worker stops
/// ```
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

    /// Heartbeats without a reply after which the connection counts as half-open.
    public static let silenceLimit = 10

    private var retries = Retries(.workerLink(wasConnected: false))

    public init() {}

    /// Both sides know each other: the settings are right, and only time can be in the way from now on.
    public mutating func authenticated() { retries.policy = .workerLink(wasConnected: true) }

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
