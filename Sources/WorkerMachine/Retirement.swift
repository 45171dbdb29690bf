/// When a worker leaves by itself: before the time of its machine is over, or for want of work.
///
/// Schedulers of machines (Slurm, a cloud) end what runs on one at a time that is known before. A worker that is ended in the middle
/// of its tasks loses what they have computed; one that has left by then loses nothing.
public struct Retirement: Sendable {
    public enum Cause: String, Sendable, Hashable {
        /// Little is left of `lifetime`: tasks have just the time of a drain.
        case lifetime = "its lifetime is nearly over"
        /// It held no task for `idle-timeout`.
        case idle = "it has had no work for the time that idle-timeout gives"
    }

    /// The time that ends after the last drain: for what is handed back, and for the worlds to end.
    public static let reserve = Duration.seconds(5)
    /// The part of a lifetime, at most, by which a worker leaves sooner, so that those that have started together do not leave
    /// together.
    public static let jitter = 0.05

    /// From the worker's start on.
    private let drainsAfter: Duration?
    private let idleTimeout: Duration?
    private var idleSince: Duration?

    /// - Parameters:
    ///   - lifetime: from the worker's start to its end at the latest; `nil`: without an end.
    ///   - idleTimeout: how long it stays without a task; `nil`: for ever.
    ///   - drainTimeout: the time that its tasks have in a drain.
    ///   - chance: from 0 to 1, drawn once for each worker.
    public init(lifetime: Duration?, idleTimeout: Duration?, drainTimeout: Duration, chance: Double) {
        drainsAfter = lifetime.map { lifetime in
            max(.zero, lifetime - drainTimeout - Self.reserve - lifetime * Self.jitter * chance)
        }
        self.idleTimeout = idleTimeout
    }

    /// The least lifetime in which a worker can work at all.
    public static func leastLifetime(drainTimeout: Duration) -> Duration { drainTimeout + reserve * 2 }

    /// To be asked again and again.
    /// - Parameters:
    ///   - elapsed: since the worker's start.
    ///   - isIdle: whether it holds no task now.
    /// - Returns: why it begins to leave now; `nil` while it stays.
    public mutating func cause(at elapsed: Duration, isIdle: Bool) -> Cause? {
        if let drainsAfter, elapsed >= drainsAfter { return .lifetime }
        guard isIdle, let idleTimeout else {
            idleSince = nil
            return nil
        }
        let since = idleSince ?? elapsed
        idleSince = since
        return elapsed - since >= idleTimeout ? .idle : nil
    }
}
