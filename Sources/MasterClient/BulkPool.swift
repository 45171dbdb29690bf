import NIOCore
import Synchronization
import Transport

/// Lends bulk connections: at most so many at once, made when needed, kept while they are good.
///
/// Those who wait are served in order.
final class BulkPool: Sendable {
    fileprivate struct State {
        var idle: [BulkConnection] = []
        /// Connections lent or being made.
        var lentCount = 0
        var isClosed = false
        var nextWaiter: UInt64 = 0
        var waiters = CircularBuffer<(number: UInt64, continuation: CheckedContinuation<BulkConnection?, any Error>)>()
    }

    struct Lent {
        let connection: BulkConnection
        /// Whether it served before: then the master may have closed it meanwhile.
        let isReused: Bool
    }

    private let state = Mutex(State())
    private let limit: Int
    private let connect: @Sendable () async throws -> BulkConnection

    init(limit: Int, connect: @escaping @Sendable () async throws -> BulkConnection) {
        precondition(limit > 0, "a pool of \(limit) connections")
        self.limit = limit
        self.connect = connect
    }

    /// - Parameter fresh: whether to make a new connection even if an old one is idle.
    func borrow(fresh: Bool = false) async throws -> Lent {
        if let idle = try await reserve() {
            if !fresh { return Lent(connection: idle, isReused: true) }
            idle.close()
        }
        do {
            return Lent(connection: try await connect(), isReused: false)
        } catch {
            freeSlot()
            throw error
        }
    }

    /// Takes a slot, waiting for one if need be.
    /// - Returns: the idle connection that came with it, if one did.
    private func reserve() async throws -> BulkConnection? {
        let number = state.withLock { state -> UInt64 in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let outcome = state.withLock { state -> Result<BulkConnection?, any Error>? in
                    if Task.isCancelled { return .failure(CancellationError()) }
                    if state.isClosed { return .failure(ConnectionClosed(.local, "the blob transfer was closed")) }
                    guard state.lentCount < limit else {
                        state.waiters.append((number, continuation))
                        return nil
                    }
                    state.lentCount += 1
                    return .success(state.takeIdle())
                }
                if let outcome { continuation.resume(with: outcome) }
            }
        } onCancel: {
            let waiter = state.withLock { state -> CheckedContinuation<BulkConnection?, any Error>? in
                guard let index = state.waiters.firstIndex(where: { $0.number == number }) else { return nil }
                return state.waiters.remove(at: index).continuation
            }
            waiter?.resume(throwing: CancellationError())
        }
    }

    /// Gives a connection back; `isGood` when its last request is through and the next may follow.
    func giveBack(_ connection: BulkConnection, isGood: Bool) {
        let isKept = state.withLock { state in
            guard isGood, !state.isClosed else { return false }
            state.idle.append(connection)
            return true
        }
        if !isKept { connection.close() }
        freeSlot()
    }

    private func freeSlot() {
        let next = state.withLock { state -> (CheckedContinuation<BulkConnection?, any Error>, BulkConnection?)? in
            guard let waiter = state.waiters.popFirst() else {
                state.lentCount -= 1
                return nil
            }
            return (waiter.continuation, state.takeIdle())
        }
        if let (continuation, connection) = next { continuation.resume(returning: connection) }
    }

    /// Closes idle connections now and lent ones when they come back; nothing is lent any more.
    func close() {
        let (idle, waiters) = state.withLock { state in
            state.isClosed = true
            defer {
                state.idle = []
                state.waiters = CircularBuffer()
            }
            return (state.idle, state.waiters)
        }
        for connection in idle { connection.close() }
        for waiter in waiters {
            waiter.continuation.resume(throwing: ConnectionClosed(.local, "the blob transfer was closed"))
        }
    }
}

extension BulkPool.State {
    /// The idle connection used last that is still good. One that received something while idle was closed by the master
    /// or broke the protocol.
    fileprivate mutating func takeIdle() -> BulkConnection? {
        while let connection = idle.popLast() {
            if !connection.hasReceived { return connection }
            connection.close()
        }
        return nil
    }
}
