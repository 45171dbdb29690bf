import Protocol
import TestSupport
import Testing

@testable import Transport

/// Masters with several addresses, over loopback.
@Suite struct MasterAddressesTests {
    @Test func `addresses are separated by commas, and keep their order`() throws {
        let addresses = try MasterAddresses(parsing: "b.example:1, [2001:db8::1]:2,a.example", defaultPort: 7400)
        #expect(
            addresses.all == [
                Endpoint(host: "b.example", port: 1), Endpoint(host: "2001:db8::1", port: 2),
                Endpoint(host: "a.example", port: 7400),
            ])
        #expect(addresses.description == "b.example:1,[2001:db8::1]:2,a.example:7400")
        #expect(try MasterAddresses(parsing: addresses.description) == addresses)
    }

    @Test(arguments: [
        ("", "the host is missing"), ("a:1,", "the host is missing"), (",a:1", "the host is missing"),
        ("a:1,b:x", "'b:x' is not an address"), ("a:1,a:1", "a:1 twice"), ("a,a:7400", "a:7400 twice"),
        ("a:1,b:1,c:1,d:1,e:1,f:1,g:1,h:1,i:1", "has 9 addresses; at most 8"), ("a:1;b:2", "is not an address"),
    ]) func `what is not a list of addresses is refused`(text: String, words: String) {
        let error = #expect(throws: TransportError.self) { try MasterAddresses(parsing: text, defaultPort: 7400) }
        #expect(error?.code == .badEndpoint)
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
    }

    @Test func `an address that fails gives way to the next, unless the master was found elsewhere`() throws {
        let addresses = try MasterAddresses(parsing: "a:1,b:2,c:3")
        let route = MasterRoute(addresses)
        let (a, b, c) = (addresses.all[0], addresses.all[1], addresses.all[2])
        #expect(route.order == [a, b, c])
        route.failed(at: a)
        #expect(route.order == [b, c, a])
        route.found(at: c)
        // The end of an attempt that began before.
        route.failed(at: b)
        #expect(route.current == c && route.order == [c, a, b])
        for address in [c, a, b] { route.failed(at: address) }
        #expect(route.current == c, "after a round without success it begins where it was")
    }

    /// An address at which nothing is listening.
    private static func deadEndpoint() throws -> Endpoint {
        let port = try LoopbackListener().port
        return Endpoint(host: "127.0.0.1", port: port)
    }

    private static func dialer(
        _ endpoints: [Endpoint], secret: SharedSecret = .test, limits: TransportLimits = TransportLimits()
    ) throws -> Dialer {
        Dialer(
            to: try MasterAddresses(parsing: endpoints.map(\.description).joined(separator: ",")), as: .client,
            keyring: Keyring(secret), software: "test 1", limits: limits, logger: quiet)
    }

    private static func untilClosed(_ connection: IncomingConnection) async {
        switch connection {
        case .control(let control): _ = await control.closed
        case .data(let data): _ = await data.closed
        }
    }

    @Test func `the first address that has a master is used, and data connections follow`() async throws {
        try await withListener(serve: Self.untilClosed) { endpoint in
            let silent = try LoopbackListener()
            defer { withExtendedLifetime(silent) {} }
            let dead = try Self.deadEndpoint()
            let dialer = try Self.dialer([dead, Endpoint(host: "127.0.0.1", port: silent.port), endpoint])
            #expect(dialer.master == dead)
            let control = try await dialer.openControlConnection()
            #expect(dialer.master == endpoint)
            let data = try await dialer.openDataConnection()
            #expect(dialer.isCurrent(data))
            // Another copy of the dialer begins there, too.
            let copy = dialer
            let next = try await copy.openControlConnection()
            #expect(copy.master == endpoint)
            next.close()
            data.close()
            control.close()
        }
    }

    @Test func `a pooled connection to an address that the master has left is not current`() async throws {
        try await withListener(serve: Self.untilClosed) { first in
            try await withListener(serve: Self.untilClosed) { second in
                let dialer = try Self.dialer([first, second])
                let control = try await dialer.openControlConnection()
                let data = try await dialer.openDataConnection()
                #expect(dialer.isCurrent(data))
                control.close()
                let other = try Self.dialer([second, first])
                #expect(!other.isCurrent(data))
                data.close()
            }
        }
    }

    @Test func `where no address has a master, each is named with its reason`() async throws {
        try await withListener(secret: .other, serve: Self.untilClosed) { endpoint in
            let silent = try LoopbackListener()
            defer { withExtendedLifetime(silent) {} }
            var limits = TransportLimits()
            limits.handshake = .milliseconds(300)
            let dead = try Self.deadEndpoint()
            let dialer = try Self.dialer(
                [endpoint, dead, Endpoint(host: "127.0.0.1", port: silent.port)], limits: limits)
            let error = await #expect(throws: TransportError.self) { _ = try await dialer.openControlConnection() }
            // It is what may disappear by itself that decides whether trying again helps.
            #expect(error?.code == .handshakeTimeout && error?.persistence == .passing)
            let message = error?.message ?? ""
            for words in [
                "any of the 3 addresses", "(1) connecting to \(endpoint): wrong secret",
                "(2) nothing is listening on \(dead)",
                "(3) connecting to 127.0.0.1:\(silent.port): what listens there did not answer",
            ] {
                #expect(message.contains(words), "\(words): \(message)")
            }
            #expect(dialer.master == endpoint, "the next attempt begins with the first address again")
        }
    }

    @Test func `an attempt that is given up at a silent address begins with the next one afterwards`() async throws {
        try await withListener(serve: Self.untilClosed) { endpoint in
            let silent = try LoopbackListener()
            defer { withExtendedLifetime(silent) {} }
            let dialer = try Self.dialer([Endpoint(host: "127.0.0.1", port: silent.port), endpoint])
            let attempt = Task { try await dialer.openControlConnection() }
            attempt.cancel()
            await #expect(throws: (any Error).self) { _ = try await attempt.value }
            #expect(dialer.master == endpoint)
            try await dialer.openControlConnection().close()
        }
    }
}
