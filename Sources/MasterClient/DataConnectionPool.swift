import NIOCore
import Synchronization
import Transport

/// Lends data connections: a limited number at once, opened when needed, kept while they are good.
///
/// Waiting borrowers are served in the order of their requests.
final class DataConnectionPool: Sendable {
    struct Lent {
        let connection: DataConnection
        /// Whether it served before: then the master may have closed it without this side knowing yet.
        let isReused: Bool
    }

    private typealias State = PoolState<DataConnection, CheckedContinuation<DataConnection?, any Error>>

    private let state: Mutex<State>
    private let start = ContinuousClock.now
    private let connect: @Sendable () async throws -> DataConnection
    private let isCurrent: @Sendable (DataConnection) -> Bool

    /// - Parameters:
    ///   - idleLimit: an idle connection older than this is closed instead of lent.
    ///   - isCurrent: whether a connection is as `connect` would make it now; another one is closed when it is given back, and not lent.
    init(
        limit: Int, idleLimit: Duration, isCurrent: @escaping @Sendable (DataConnection) -> Bool = { _ in true },
        connect: @escaping @Sendable () async throws -> DataConnection
    ) {
        self.isCurrent = isCurrent
        state = Mutex(State(limit: limit, idleLimit: idleLimit))
        self.connect = connect
    }

    private var now: Duration { ContinuousClock.now - start }

    /// - Parameter fresh: whether to open a new connection even if an old one is idle.
    func borrow(fresh: Bool = false) async throws -> Lent {
        if let idle = try await reserve() {
            if !fresh, isCurrent(idle) { return Lent(connection: idle, isReused: true) }
            idle.close()
        }
        do {
            return Lent(connection: try await connect(), isReused: false)
        } catch {
            release(nil)
            throw error
        }
    }

    /// Takes a place among the lent connections, waiting for one if need be.
    /// - Returns: an idle connection; `nil` when the borrower must open one.
    private func reserve() async throws -> DataConnection? {
        try Task.checkCancellation()
        let ticket = state.withLock { $0.nextTicket() }
        return try await suspended(
            park: { continuation in
                let answer = state.withLock { $0.borrow(ticket, continuation, at: now) }
                for connection in state.withLock({ $0.takeDiscarded() }) { connection.close() }
                switch answer {
                case .lend(let connection): return .success(connection)
                case .wait: return nil
                case .closed: return .failure(Self.closed)
                }
            },
            withdraw: { [self] in state.withLock { $0.cancel(ticket) } })
    }

    /// Gives a connection back; `isGood` when its last request is complete and the next may follow.
    func giveBack(_ connection: DataConnection, isGood: Bool) {
        let isKept = isGood && isCurrent(connection)
        if !isKept { connection.close() }
        release(isKept ? connection : nil)
    }

    /// Closes idle connections.
    func closeIdle() {
        let discarded = state.withLock { state in
            state.discardIdle()
            return state.takeDiscarded()
        }
        for connection in discarded { connection.close() }
    }

    private func release(_ connection: DataConnection?) {
        let (next, discarded) = state.withLock { ($0.release(connection, at: now), $0.takeDiscarded()) }
        for connection in discarded { connection.close() }
        if let next { next.waiter.resume(returning: next.connection) }
    }

    /// Closes idle connections now and lent ones when they are given back; nothing is lent any more.
    func close() {
        let (waiters, discarded) = state.withLock { ($0.close(), $0.takeDiscarded()) }
        for connection in discarded { connection.close() }
        for waiter in waiters { waiter.resume(throwing: Self.closed) }
    }

    private static var closed: ConnectionClosed { ConnectionClosed(.local, "the blob transfer was closed") }
}

/// A connection that a pool can lend.
protocol PooledConnection {
    /// Whether the other side closed the connection, or sent something that nobody asked for.
    var isSpoiled: Bool { get }
}

extension DataConnection: PooledConnection {
    var isSpoiled: Bool { hasReceived }
}

/// Which connections of a pool are idle, how many are lent, and which borrowers wait. Performs no I/O, reads no clock.
///
/// ```
///            borrow: lend(nil), the borrower opens one
///   (none) ------------------------------------------> lent
///                        release(connection)          |    ^
///   discarded <--- idle <-----------------------------+    |
///     idle limit,   |                                      |
///     spoiled       +--------------------------------------+
///                        borrow: lend(connection)
/// ```
struct PoolState<Connection: PooledConnection, Waiter> {
    enum Answer {
        /// An idle connection; `nil` when the borrower must open one.
        case lend(Connection?)
        /// The waiter was stored.
        case wait
        case closed
    }

    private let limit: Int
    private let idleLimit: Duration
    /// The connection that was used last is at the end.
    private var idle: [(connection: Connection, since: Duration)] = []
    /// Connections that are lent or being opened.
    private(set) var lentCount = 0
    private var isClosed = false
    private var lastTicket: UInt64 = 0
    private var waiters = CircularBuffer<(ticket: UInt64, waiter: Waiter)>()
    private var discarded: [Connection] = []

    init(limit: Int, idleLimit: Duration) {
        precondition(limit > 0, "a pool of \(limit) connections")
        self.limit = limit
        self.idleLimit = idleLimit
    }

    /// Names one request.
    mutating func nextTicket() -> UInt64 {
        lastTicket += 1
        return lastTicket
    }

    mutating func borrow(_ ticket: UInt64, _ waiter: Waiter, at now: Duration) -> Answer {
        if isClosed { return .closed }
        guard lentCount < limit else {
            waiters.append((ticket, waiter))
            return .wait
        }
        lentCount += 1
        return .lend(takeIdle(at: now))
    }

    /// The borrower does not want to wait any more.
    /// - Returns: its waiter; `nil` when it was served.
    mutating func cancel(_ ticket: UInt64) -> Waiter? {
        guard let index = waiters.firstIndex(where: { $0.ticket == ticket }) else { return nil }
        return waiters.remove(at: index).waiter
    }

    /// A lent connection came back, or (`nil`) was closed.
    /// - Returns: the borrower whose turn it is, and the connection that it gets.
    mutating func release(_ connection: Connection?, at now: Duration) -> (waiter: Waiter, connection: Connection?)? {
        if let connection {
            if isClosed { discarded.append(connection) } else { idle.append((connection, now)) }
        }
        guard let next = waiters.popFirst() else {
            lentCount -= 1
            return nil
        }
        return (next.waiter, takeIdle(at: now))
    }

    /// - Returns: the borrowers that still wait, for the caller to fail.
    mutating func close() -> [Waiter] {
        isClosed = true
        discardIdle()
        defer { waiters = CircularBuffer() }
        return waiters.map(\.waiter)
    }

    mutating func discardIdle() {
        discarded += idle.map(\.connection)
        idle = []
    }

    /// Connections for the caller to close.
    mutating func takeDiscarded() -> [Connection] {
        defer { discarded = [] }
        return discarded
    }

    private mutating func takeIdle(at now: Duration) -> Connection? {
        while let (connection, since) = idle.popLast() {
            if now - since < idleLimit, !connection.isSpoiled { return connection }
            discarded.append(connection)
        }
        return nil
    }
}
