import Protocol
import Synchronization

/// The authenticated connections of one listener, and the clients that left after they had proved a former secret.
public final class ConnectionRoster: Sendable {
    /// Clients of one program on one host.
    public struct Visitor: Hashable, Sendable {
        public let host: String
        public let software: String
    }

    /// No more are remembered; the one that left first is forgotten.
    public static let maximumVisitors = 256

    /// Names one connection.
    struct Entry: Hashable, Sendable {
        fileprivate let number: UInt64
    }

    private struct State {
        var connections: [Entry: IncomingConnection] = [:]
        var lastNumber: UInt64 = 0
        var visitors: [Visitor: ContinuousClock.Instant] = [:]
    }

    private let state = Mutex(State())

    public init() {}

    /// The connections that have not ended, in no order.
    public var connections: [IncomingConnection] { state.withLock { Array($0.connections.values) } }

    /// Clients whose last connection proved a former secret, with the time of its end; the last first.
    public var visitors: [(visitor: Visitor, leftAt: ContinuousClock.Instant)] {
        state.withLock { state in state.visitors.map { ($0.key, $0.value) } }.sorted { $0.1 > $1.1 }
    }

    /// Forgets the clients that left: their secret is not accepted any more.
    public func forgetVisitors() { state.withLock { $0.visitors = [:] } }

    func joined(_ connection: IncomingConnection) -> Entry {
        state.withLock { state in
            state.lastNumber += 1
            let entry = Entry(number: state.lastNumber)
            state.connections[entry] = connection
            return entry
        }
    }

    /// - Parameter wasFormer: whether the connection's secret is the former one now.
    func left(_ entry: Entry, wasFormer: Bool) {
        state.withLock { state in
            guard let connection = state.connections.removeValue(forKey: entry), connection.peer.role == .client else {
                return
            }
            let address = connection.remoteAddress
            let host = address.lastIndex(of: ":").map { String(address[..<$0]) } ?? address
            let visitor = Visitor(host: host, software: connection.software)
            state.visitors[visitor] = wasFormer ? ContinuousClock.now : nil
            guard state.visitors.count > Self.maximumVisitors else { return }
            if let first = state.visitors.min(by: { $0.value < $1.value }) { state.visitors[first.key] = nil }
        }
    }
}

extension WireRefusal {
    /// The end of a connection whose secret is not accepted any more.
    public static var secretRetired: WireRefusal {
        WireRefusal(.badSecret, "the secret was changed: give this side the master's secret file, and start it again")
    }
}
