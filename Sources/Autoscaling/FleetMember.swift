import JobModel

/// One worker that the fleet has, or is about to have, and its life:
///
///                     the command failed                 not within registerTimeout
///            +------------------------------+   +----------------------------------------------+
///            |                              |   |                                              |
///     start  v            the command ended |   |        registered               drain        |        empty
///   (none) ----> starting ------------------+-> awaited ------------> serving <---------> draining ----+    |
///                   |                                                    |        resume       |       |    |
///                   | it was killed                         away for     |               away  |       |    |
///                   |                                       lostAfter    |                for  |       |    |
///                   v                                                    v                     v       v    v
///                paused ---> stopping <---------------------------------------------------------------------+
///                   ^        |     |
///                   +--------+     +------------------> stopped ---------------> (none)
///               the command failed   the command ended          not connected
///
/// A paused member that is connected and may be at work is serving again, or draining; so is a stopped one that does not go. A
/// member that is connected is stopped only when it is empty: it was told to drain, and holds no task.
struct FleetMember: Hashable, Sendable {
    enum Phase: Hashable, Sendable {
        /// The start command runs.
        case starting
        /// The start command ended, and no worker has registered yet.
        case awaited
        case serving
        /// It was told to take no more tasks, because it is not needed.
        case draining
        /// The stop command runs.
        case stopping(FleetOrder.StopReason)
        /// The stop command failed, or nobody knows what the start command did: it runs then.
        case paused(FleetOrder.StopReason, until: Instant)
        /// The stop command ended.
        case stopped
    }

    let name: String
    private(set) var phase: Phase
    /// When the phase began; of `awaited`, when the start command began.
    private(set) var since: Instant
    /// Since when no worker of the name is connected.
    var missingSince: Instant?
    /// Since when workers of the name are connected, and none of them is given tasks.
    var unableSince: Instant?
    /// The latest worker of the name.
    var worker: WorkerID?
    var address = ""
    /// Stop commands in a row that failed.
    var failures = 0

    init(name: String, phase: Phase, since: Instant) {
        self.name = name
        self.phase = phase
        self.since = since
    }

    mutating func enter(_ phase: Phase, at now: Instant) {
        if case .awaited = phase {} else { since = now }
        self.phase = phase
    }

    /// Whether it counts as one that works, or will.
    var isCapacity: Bool {
        switch phase {
        case .starting, .awaited, .serving: true
        case .draining, .stopping, .paused, .stopped: false
        }
    }

    /// Whether it was started and has not registered.
    var isPending: Bool {
        switch phase {
        case .starting, .awaited: true
        case .serving, .draining, .stopping, .paused, .stopped: false
        }
    }
}

/// Something that is to be done for the fleet.
package enum FleetOrder: Hashable, Sendable {
    package enum StopReason: String, Hashable, Sendable, CaseIterable {
        /// It was not needed, was drained, and holds no task.
        case idle
        /// It did not register in time after its start.
        case neverRegistered = "never-registered"
        /// It has been away for too long.
        case lost
        /// The start command was killed: nobody knows what it did.
        case startKilled = "start-killed"
    }

    case start(name: String)
    case stop(name: String, StopReason, worker: WorkerID?, address: String)
    /// The worker is to take no more tasks.
    case drain(name: String, WorkerID)
    /// The worker is to take tasks again.
    case resume(name: String, WorkerID)
    case tell(FleetNews)
}

/// How a command ended.
package enum CommandEnd: Hashable, Sendable {
    case succeeded
    /// It ended by itself, and says that it did nothing.
    case failed(String)
    /// It was ended from outside, and may have done something.
    case killed(String)
}
