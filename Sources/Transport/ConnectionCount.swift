import Synchronization

/// Connections as a listener counts them.
public struct ConnectionCounters: Hashable, Sendable {
    /// Authenticated connections that have not ended.
    public internal(set) var open: UInt64 = 0
    /// Connections that were authenticated.
    public internal(set) var accepted: UInt64 = 0
    /// Connections that ended before they were authenticated: refused, or broken.
    public internal(set) var refused: UInt64 = 0

    public init() {}
}

/// The counters of one listener, to be read from any thread.
public final class ConnectionCount: Sendable {
    private let counters = Mutex(ConnectionCounters())

    public init() {}

    public var values: ConnectionCounters { counters.withLock { $0 } }

    func accepted() {
        counters.withLock { counters in
            counters.open += 1
            counters.accepted += 1
        }
    }

    func ended() { counters.withLock { $0.open -= 1 } }

    func refused() { counters.withLock { $0.refused += 1 } }
}
