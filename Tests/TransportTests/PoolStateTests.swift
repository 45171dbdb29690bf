import Testing

@testable import MasterClient

/// Transcripts of a pool of two connections whose idle limit is ten seconds.
@Suite struct PoolStateTests {
    private struct Connection: PooledConnection, Hashable {
        let number: Int
        var isSpoiled = false
    }

    private typealias State = PoolState<Connection, String>

    private var pool = State(limit: 2, idleLimit: .seconds(10))

    private mutating func borrow(_ name: String, at seconds: Int) -> State.Answer {
        pool.borrow(pool.nextTicket(), name, at: .seconds(seconds))
    }

    private func lent(_ answer: State.Answer) throws -> Connection? {
        guard case .lend(let connection) = answer else {
            Issue.record("nothing was lent, but \(answer)")
            return nil
        }
        return connection
    }

    @Test mutating func `the connection that was used last is lent first`() throws {
        #expect(try lent(borrow("a", at: 0)) == nil)
        #expect(try lent(borrow("b", at: 0)) == nil)
        #expect(pool.release(Connection(number: 1), at: .seconds(1)) == nil)
        #expect(pool.release(Connection(number: 2), at: .seconds(2)) == nil)
        #expect(try lent(borrow("c", at: 3))?.number == 2)
        #expect(try lent(borrow("d", at: 3))?.number == 1)
        #expect(pool.lentCount == 2)
    }

    @Test mutating func `an idle connection is not lent beyond its limit, but closed`() throws {
        _ = borrow("a", at: 0)
        _ = pool.release(Connection(number: 1), at: .seconds(1))
        #expect(try lent(borrow("b", at: 10))?.number == 1)
        _ = pool.release(Connection(number: 1), at: .seconds(20))
        #expect(try lent(borrow("c", at: 30)) == nil)
        #expect(pool.takeDiscarded() == [Connection(number: 1)])
        #expect(pool.takeDiscarded().isEmpty)
    }

    @Test mutating func `a connection that the other side closed is not lent`() throws {
        _ = borrow("a", at: 0)
        let spoiled = Connection(number: 1, isSpoiled: true)
        _ = pool.release(spoiled, at: .seconds(1))
        #expect(try lent(borrow("b", at: 2)) == nil)
        #expect(pool.takeDiscarded() == [spoiled])
    }

    @Test mutating func `idle connections that are discarded are closed, and lent ones are not`() throws {
        _ = borrow("a", at: 0)
        _ = borrow("b", at: 0)
        _ = pool.release(Connection(number: 1), at: .seconds(1))
        pool.discardIdle()
        #expect(pool.takeDiscarded() == [Connection(number: 1)])
        #expect(pool.lentCount == 1)
        #expect(try lent(borrow("c", at: 2)) == nil)
        _ = pool.release(Connection(number: 2), at: .seconds(3))
        #expect(try lent(borrow("d", at: 4))?.number == 2)
    }

    @Test mutating func `waiting borrowers are served in order, and one that gives up is left out`() throws {
        _ = borrow("a", at: 0)
        _ = borrow("b", at: 0)
        let tickets = (0..<3).map { _ in pool.nextTicket() }
        for (ticket, name) in zip(tickets, ["c", "d", "e"]) {
            guard case .wait = pool.borrow(ticket, name, at: .zero) else {
                Issue.record("\(name) need not wait")
                return
            }
        }
        let cancelled = [pool.cancel(tickets[1]), pool.cancel(tickets[1])]
        #expect(cancelled == ["d", nil])
        let first = pool.release(Connection(number: 1), at: .seconds(1))
        #expect(first?.waiter == "c" && first?.connection?.number == 1)
        // A broken connection makes room for a new one.
        let second = pool.release(nil, at: .seconds(1))
        #expect(second?.waiter == "e" && second?.connection == nil)
        #expect(pool.lentCount == 2)
        #expect(pool.release(nil, at: .seconds(1)) == nil)
        #expect(pool.lentCount == 1)
    }

    @Test mutating func `a closed pool lends nothing and keeps nothing`() throws {
        _ = borrow("a", at: 0)
        _ = borrow("b", at: 0)
        _ = pool.release(Connection(number: 1), at: .zero)
        _ = borrow("c", at: 0)
        _ = borrow("d", at: 0)
        #expect(pool.close() == ["d"])
        #expect(pool.release(Connection(number: 1), at: .zero) == nil)
        #expect(pool.takeDiscarded() == [Connection(number: 1)])
        guard case .closed = borrow("e", at: 0) else {
            Issue.record("a closed pool lent something")
            return
        }
    }
}
