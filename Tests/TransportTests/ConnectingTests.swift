import Foundation
import Glibc
import NIOCore
import NIOPosix
import Synchronization
import Testing
import Transport

import ClientKit

@Suite(.timeLimit(.minutes(1))) struct `Connecting` {
    private static func code(connectingTo endpoint: Endpoint, secret: SharedSecret = .test) async -> TransportError
        .Code?
    {
        let error = await #expect(throws: TransportError.self) {
            _ = try await Dialer.test(endpoint, secret: secret).openControlConnection()
        }
        return error?.code
    }

    /// Holds a port without listening on it: one that a listener has just left may be another test's by now.
    private static func withSilentPort(_ body: (Int) async throws -> Void) async throws {
        let holder = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(holder) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
        var byteCount = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(holder, $0, byteCount) == 0 && getsockname(holder, $0, &byteCount) == 0
            }
        }
        try #require(isBound)
        try await body(Int(UInt16(bigEndian: address.sin_port)))
    }

    @Test func `nobody listening, a wrong secret and an unknown name are told apart`() async throws {
        try await withListener { _ in
        } body: { endpoint in
            #expect(await Self.code(connectingTo: endpoint, secret: .other) == .badSecret)
        }
        try await Self.withSilentPort { port in
            #expect(await Self.code(connectingTo: Endpoint(host: "127.0.0.1", port: port)) == .refused)
        }
        #expect(await Self.code(connectingTo: Endpoint(host: "no-such-host.invalid", port: 1)) == .unreachable)
    }

    @Test func `roles and names arrive`() async throws {
        for role in Peer.Role.allCases {
            try await withListener { connection in
                guard case .control(let control) = connection else {
                    Issue.record("a control connection was announced")
                    return
                }
                #expect(control.peer.role == role)
                #expect(control.software == "test 1")
                #expect(control.remoteAddress.hasPrefix("127.0.0.1:"))
                control.close()
            } body: { endpoint in
                let control = try await Dialer.test(endpoint, as: role).openControlConnection()
                #expect(control.software == "tessera-master")
                #expect(await control.closed.code == .peer)
            }
        }
    }

    @Test func `the connections of one dialer have one identity, whatever they carry`() async throws {
        let peers = Mutex<[Peer]>([])
        try await withListener { connection in
            peers.withLock { $0.append(connection.peer) }
            connection.close()
        } body: { endpoint in
            let dialer = Dialer.test(endpoint, as: .worker)
            _ = await (try await dialer.openControlConnection()).closed
            _ = await (try await dialer.openDataConnection()).closed
            _ = await (try await Dialer.test(endpoint).openDataConnection()).closed
        }
        let found = peers.withLock { $0 }
        #expect(found.map(\.role) == [.worker, .worker, .client])
        #expect(found.map(\.channel) == [.control, .data, .data])
        #expect(found[0].identity == found[1].identity && found[1].identity != found[2].identity)
    }

    @Test func `the connections of one address are limited`() async throws {
        var limits = TransportLimits()
        limits.connectionsPerAddress = 3
        var impatient = TransportLimits()
        impatient.admission = .zero
        try await withListener(limits: limits) { connection in
            guard case .control(let control) = connection else { return }
            _ = await control.closed
        } body: { [impatient] endpoint in
            @Sendable func connect() async throws -> ControlConnection {
                try await Dialer.test(endpoint, limits: impatient).openControlConnection()
            }
            var open = [try await connect(), try await connect(), try await connect()]
            let error = await #expect(throws: TransportError.self) { _ = try await connect() }
            #expect(error?.code == .tooManyConnections)
            open.removeLast().close()
            var patient = TransportLimits()
            patient.admission = .seconds(30)
            let next = try await Dialer.test(endpoint, limits: patient).openControlConnection()
            next.close()
            for connection in open { connection.close() }
        }
    }

    @Test func `many that start at once all get in, four handshakes at a time`() async throws {
        try await TestMaster().serving { endpoint in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<40 {
                    group.addTask {
                        try await MasterConnection.withConnection(.test(endpoint)) {
                            _ = try await $0.workers()
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func `a port that is taken cannot be bound`() async throws {
        try await TestMaster().serving { endpoint in
            let error = await #expect(throws: TransportError.self) {
                _ = try await MasterListener.bind(to: endpoint, Acceptor(secret: .test, logger: quiet))
            }
            #expect(error?.code == .cannotBind)
        }
    }
}

@Suite struct `Endpoints` {
    @Test(arguments: [
        ("localhost:4600", "localhost", 4600), ("192.0.2.1:0", "192.0.2.1", 0),
        ("[2001:db8::1]:65535", "2001:db8::1", 65535),
        ("[::]", "::", 4600), ("master", "master", 4600),
    ]) func `are read and printed`(text: String, host: String, port: Int) throws {
        let endpoint = try Endpoint(parsing: text, defaultPort: 4600)
        #expect(endpoint == Endpoint(host: host, port: port))
        #expect(try Endpoint(parsing: endpoint.description) == endpoint)
    }

    @Test(arguments: [
        "", ":4600", "host:", "host:x", "host:65536", "host:-1", "host:+1", "2001:db8::1", "[::1", "[::1]4600",
        "[host]:1", "a b:1", "http://host:1", "host:1:2", "hóst:1", "host:١",
        "*", "*:4600", "*.example.org:1", "4600",
    ]) func `that are malformed are refused with the text`(text: String) {
        let error = #expect(throws: TransportError.self) { try Endpoint(parsing: text, defaultPort: 4600) }
        #expect(error?.code == .badEndpoint)
        #expect(error?.message.contains("'\(text)'") == true)
    }

    @Test func `have '*' for every address, to listen on`() throws {
        let endpoint = try Endpoint(parsing: "*:4600", for: .listening)
        #expect(endpoint == Endpoint(host: "*", port: 4600))
        #expect(try Endpoint(parsing: "*", defaultPort: 1, for: .listening) == Endpoint(host: "*", port: 1))
        for text in ["*x:1", "**:1", "192.0.2.*:1"] {
            #expect(throws: TransportError.self) { try Endpoint(parsing: text, for: .listening) }
        }
    }

    @Test(arguments: ["*", "::"]) func `of every family are listened on at once`(host: String) async throws {
        let listener = try await MasterListener.bind(
            to: Endpoint(host: host, port: 0), Acceptor(secret: .test, logger: quiet))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await listener.run { _ in } }
            defer { group.cancelAll() }
            for address in ["127.0.0.1", "::1"] {
                let connection = try await Dialer.test(Endpoint(host: address, port: listener.localPort))
                    .openControlConnection()
                connection.close()
            }
        }
    }

    @Test func `need a port where there is no default`() {
        #expect(throws: TransportError.self) { try Endpoint(parsing: "host") }
    }
}

@Suite struct `The secret file` {
    private static func withFile<Result>(
        _ contents: String, mode: Int = 0o600, _ body: (String) throws -> Result
    ) throws -> Result {
        let path = FileManager.default.temporaryDirectory.appending(path: "tessera-secret-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try #require(
            FileManager.default.createFile(
                atPath: path, contents: Data(contents.utf8), attributes: [.posixPermissions: mode]))
        return try body(path)
    }

    @Test func `is read less one end of a line`() throws {
        let bare = try Self.withFile("0123456789abcdef") { try SharedSecret(file: $0) }
        #expect(try Self.withFile("0123456789abcdef\n") { try SharedSecret(file: $0) } == bare)
        #expect(try Self.withFile("0123456789abcdef\r\n") { try SharedSecret(file: $0) } == bare)
    }

    @Test(arguments: [0o640, 0o604, 0o620, 0o602, 0o666, 0o610]) func `is refused when others can use it`(
        mode: Int
    ) throws {
        try Self.withFile("0123456789abcdef", mode: mode) { path in
            let error = #expect(throws: TransportError.self) { try SharedSecret(file: path) }
            #expect(error?.code == .secretFile)
            #expect(error?.message.contains("chmod 600 \(path)") == true)
        }
    }

    @Test(arguments: ["", "\n", "0123456789abcde", "0123456789abcde\n", String(repeating: "x", count: 4097)])
    func `is refused when it is too short or too long`(contents: String) throws {
        try Self.withFile(contents) { path in
            let error = #expect(throws: TransportError.self) { try SharedSecret(file: path) }
            #expect(error?.code == .secretFile)
        }
    }

    @Test func `is refused when it is missing or no file`() {
        #expect(throws: TransportError.self) { try SharedSecret(file: "/no/such/file") }
        #expect(throws: TransportError.self) { try SharedSecret(file: "/") }
    }

    @Test func `never shows its contents`() throws {
        let secret = try Self.withFile("0123456789abcdef") { try SharedSecret(file: $0) }
        var dumped = ""
        dump(secret, to: &dumped)
        for text in ["\(secret)", String(reflecting: secret), String(describing: [secret]), dumped] {
            #expect(!text.contains("0123456789abcdef") && !text.contains("48"), "\(text)")
        }
    }
}
