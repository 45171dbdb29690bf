import JobModel
import Protocol
import TestSupport
import Testing

@testable import MasterClient
@testable import Transport

/// Masters of several generations of one state, over loopback.
@Suite struct GenerationTests {
    private static func generation(_ number: UInt64, of name: UInt8 = 1) -> Generation {
        guard let lineage = Lineage([UInt8](repeating: name, count: Lineage.byteCount)) else {
            preconditionFailure("16 bytes are a lineage")
        }
        return Generation(of: lineage, number: number)
    }

    /// Runs a listener for each generation around `body`.
    private func withMasters(
        _ generations: [Generation?], ends: EndLog = EndLog(),
        _ body: @escaping @Sendable ([Endpoint]) async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            var endpoints: [Endpoint] = []
            for generation in generations {
                let listener = try await MasterListener.bind(
                    to: Endpoint(host: "127.0.0.1", port: 0),
                    Acceptor(keyring: Keyring(.test), generation: generation, logger: quiet))
                endpoints.append(Endpoint(host: "127.0.0.1", port: listener.localPort))
                group.addTask {
                    try await listener.run { connection in
                        switch connection {
                        case .control(let control):
                            do { for try await _ in control.inbound {} } catch {}
                            await ends.note(control.closed)
                        case .data(let data): await ends.note(data.closed)
                        }
                    }
                }
            }
            try await body(endpoints)
        }
    }

    private func dialer(_ endpoint: Endpoint, _ generations: any GenerationGuard) -> Dialer {
        Dialer(to: endpoint, as: .worker, secret: .test, software: "test 1", generations: generations, logger: quiet)
    }

    @Test func `a master whose state was replaced is refused, and told why`() async throws {
        let ends = EndLog()
        let (former, restored) = (Self.generation(3), Self.generation(8))
        try await withMasters([former, restored], ends: ends) { [self] endpoints in
            let session = SessionGenerations()
            let first = try await dialer(endpoints[0], session).openControlConnection()
            #expect(first.generation == former)
            first.close()
            let second = try await dialer(endpoints[1], session).openControlConnection()
            defer { second.close() }
            let error = await #expect(throws: TransportError.self) {
                _ = try await dialer(endpoints[0], session).openControlConnection()
            }
            #expect(error?.code == .replacedMaster)
            for word in ["generation 3", "generation 8", "\(endpoints[0])", "\(former.lineage)", "stop this master"] {
                #expect(error?.message.contains(word) == true, "\(word): \(error?.message ?? "")")
            }
            try await eventually("the former master knows why") {
                await ends.all.contains { $0.refusalCode == .replacedMaster && $0.message.contains("generation 8") }
            }
            // It comes back by itself when the right master is at the address.
            let third = try await dialer(endpoints[1], session).openControlConnection()
            third.close()
        }
    }

    @Test func `a master that says nothing of its state, and one of another state, are taken`() async throws {
        try await withMasters([Self.generation(8), nil, Self.generation(0, of: 2)]) { [self] endpoints in
            let session = SessionGenerations()
            for endpoint in endpoints + endpoints.reversed() {
                try await dialer(endpoint, session).openControlConnection().close()
            }
        }
    }

    @Test func `a data connection goes to the master of the control connection, or to none`() async throws {
        try await withMasters([Self.generation(3), Self.generation(8)]) { [self] endpoints in
            let session = SessionGenerations()
            try await dialer(endpoints[0], session).openControlConnection().close()
            try await dialer(endpoints[0], session).openDataConnection().close()
            let error = await #expect(throws: TransportError.self) {
                _ = try await dialer(endpoints[1], session).openDataConnection()
            }
            #expect(error?.code == .otherMaster && error?.persistence == .passing)
            // A data connection says nothing of what the process has met.
            try await dialer(endpoints[0], session).openControlConnection().close()
        }
    }

    @Test func `a pooled data connection to the former master is not lent any more`() async throws {
        try await withMasters([Self.generation(3), Self.generation(8)]) { [self] endpoints in
            let session = SessionGenerations()
            try await dialer(endpoints[0], session).openControlConnection().close()
            let target = Target(endpoints[0])
            let pool = DataConnectionPool(
                limit: 2, idleLimit: .seconds(60), isCurrent: { session.isCurrent($0.generation) }
            ) {
                try await dialer(await target.endpoint, session).openDataConnection()
            }
            defer { pool.close() }
            let lent = try await pool.borrow()
            pool.giveBack(lent.connection, isGood: true)
            #expect(try await pool.borrow().connection === lent.connection)
            pool.giveBack(lent.connection, isGood: true)
            try await dialer(endpoints[1], session).openControlConnection().close()
            await target.move(to: endpoints[1])
            let next = try await pool.borrow()
            #expect(next.connection.generation == Self.generation(8) && !next.isReused)
            pool.giveBack(next.connection, isGood: true)
        }
    }
}

/// How connections ended, at the masters.
private actor EndLog {
    private(set) var all: [ConnectionClosed] = []
    func note(_ end: ConnectionClosed) { all.append(end) }
}

private actor Target {
    private(set) var endpoint: Endpoint
    init(_ endpoint: Endpoint) { self.endpoint = endpoint }
    func move(to endpoint: Endpoint) { self.endpoint = endpoint }
}
