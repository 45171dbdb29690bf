import Protocol
import TestSupport
import Testing

@testable import Transport

/// Connections over loopback while the master's secret changes.
@Suite struct SecretChangeTests {
    /// Runs a listener around `body` that keeps every connection until its peer closes it.
    private func withListener(
        _ keyring: Keyring, _ roster: ConnectionRoster,
        _ body: @escaping @Sendable (_ dialer: @escaping @Sendable (SharedSecret) -> Dialer) async throws -> Void
    ) async throws {
        let listener = try await MasterListener.bind(
            to: Endpoint(host: "127.0.0.1", port: 0), Acceptor(keyring: keyring, logger: quiet, roster: roster))
        let endpoint = Endpoint(host: "127.0.0.1", port: listener.localPort)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await listener.run { connection in
                    guard case .control(let control) = connection else { return }
                    // Ends with the connection, however that ends.
                    do { for try await _ in control.inbound {} } catch {}
                }
            }
            defer { group.cancelAll() }
            try await body { secret in
                Dialer(to: endpoint, as: .client, secret: secret, software: "test 1", logger: quiet)
            }
        }
    }

    @Test func `both secrets are served, and the master knows who proved which`() async throws {
        let (keyring, roster) = (Keyring(.other), ConnectionRoster())
        try await withListener(keyring, roster) { dialer in
            let early = try await dialer(.other).openControlConnection()
            keyring.replace(with: Secrets(.test, former: .other))
            let late = try await dialer(.other).openControlConnection()
            let new = try await dialer(.test).openControlConnection()
            try await eventually("all are known") { roster.connections.count == 3 }
            let former = roster.connections.filter { keyring.standing(of: $0.secret) == .former }
            #expect(Set(former.map(\.peer.identity)) == [early.peer.identity, late.peer.identity])
            for connection in [early, late, new] { connection.close() }
            // All three are one program on one host: what counts is the last to end.
            try await eventually("all have left") { roster.connections.isEmpty }
        }
    }

    @Test func `a client that left by the former secret is remembered until it comes by the new one`() async throws {
        let (keyring, roster) = (Keyring(Secrets(.test, former: .other)), ConnectionRoster())
        try await withListener(keyring, roster) { dialer in
            try await dialer(.other).openControlConnection().close()
            try await eventually("it is remembered") {
                roster.visitors.map(\.visitor) == [ConnectionRoster.Visitor(host: "127.0.0.1", software: "test 1")]
            }
            try await dialer(.test).openControlConnection().close()
            try await eventually("it is not remembered any more") { roster.visitors.isEmpty }
        }
    }

    @Test func `a secret that is retired during a handshake opens nothing`() async throws {
        let (keyring, roster) = (Keyring(Secrets(.test, former: .other)), ConnectionRoster())
        try await withListener(keyring, roster) { dialer in
            let connection = try await dialer(.other).openControlConnection()
            // As the master does: first the secrets, then the connections that the roster knows by then.
            keyring.replace(with: Secrets(.test))
            for known in roster.connections where keyring.standing(of: known.secret) == .retired {
                known.close(.secretRetired)
            }
            let end = await connection.closed
            #expect(end.refusalCode == .badSecret, "\(end)")
            await #expect(throws: TransportError.self) { try await dialer(.other).openControlConnection() }
        }
    }
}
