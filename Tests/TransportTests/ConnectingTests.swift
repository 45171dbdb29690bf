import Foundation
import NIOCore
import NIOPosix
import SeededRandom
import Testing
import Transport

@testable import MasterClient

@Suite(.timeLimit(.minutes(1))) struct `Connecting` {
    private static func code(connectingTo endpoint: Endpoint, secret: SharedSecret = .test) async -> TransportError
        .Code?
    {
        let error = await #expect(throws: TransportError.self) {
            _ = try await connectControl(to: endpoint, role: .client, secret: secret, software: "t", logger: quiet)
        }
        return error?.code
    }

    @Test func `nobody listening, a wrong secret and an unknown name are told apart`() async throws {
        let port = try await withListener { _ in
        } body: { endpoint in
            #expect(await Self.code(connectingTo: endpoint, secret: .other) == .badSecret)
            return endpoint.port
        }
        #expect(await Self.code(connectingTo: Endpoint(host: "127.0.0.1", port: port)) == .refused)
        #expect(await Self.code(connectingTo: Endpoint(host: "no-such-host.invalid", port: 1)) == .unreachable)
    }

    @Test func `roles and names arrive`() async throws {
        for role in [ConnectionRole.client, .worker] {
            try await withListener { connection in
                guard case .control(let control) = connection else {
                    Issue.record("a control connection was announced")
                    return
                }
                #expect(control.role == role)
                #expect(control.software == "test 1")
                #expect(control.remoteAddress.hasPrefix("127.0.0.1:"))
                control.close()
            } body: { endpoint in
                let control = try await connectControl(
                    to: endpoint, role: role, secret: .test, software: "test 1", logger: quiet)
                #expect(control.software == "tessera-master")
                #expect(await control.closed.code == .peer)
            }
        }
    }

    @Test func `one address may have only so many connections`() async throws {
        var limits = TransportLimits()
        limits.connectionsPerAddress = 3
        var impatient = TransportLimits()
        impatient.admission = .zero
        try await withListener(limits: limits) { connection in
            guard case .control(let control) = connection else { return }
            _ = await control.closed
        } body: { [impatient] endpoint in
            @Sendable func connect() async throws -> ControlConnection {
                try await connectControl(
                    to: endpoint, role: .client, secret: .test, software: "t", limits: impatient, logger: quiet)
            }
            var open = [try await connect(), try await connect(), try await connect()]
            let error = await #expect(throws: TransportError.self) { _ = try await connect() }
            #expect(error?.code == .tooManyConnections)
            open.removeLast().close()
            var patient = TransportLimits()
            patient.admission = .seconds(30)
            let next = try await connectControl(
                to: endpoint, role: .client, secret: .test, software: "t", limits: patient, logger: quiet)
            next.close()
            for connection in open { connection.close() }
        }
    }

    @Test func `many that start at once all get in, four handshakes at a time`() async throws {
        try await TestMaster().serving { endpoint in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<40 {
                    group.addTask {
                        try await MasterConnection.withConnection(to: endpoint, secret: .test, logger: quiet) {
                            _ = try await $0.workers()
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func `a client that lost its master finds the next one`() async throws {
        let endpoint = try await TestMaster().serving { $0 }
        // Nobody listens now: the client keeps trying while a master starts on the same port.
        let runs = try await withThrowingTaskGroup(of: Int?.self) { group in
            group.addTask {
                try await MasterConnection.reconnecting(to: endpoint, secret: .test, logger: quiet) {
                    master, runCount in
                    // The first connection is lost by request.
                    if runCount == 0 { _ = try await master.masterStatus() }
                    _ = try await master.workers()
                    return runCount
                }
            }
            group.addTask {
                let listener = try await MasterListener.bind(
                    host: endpoint.host, port: endpoint.port, secret: .test, logger: quiet)
                let master = TestMaster()
                try await listener.run { await master.serve($0) }
                return nil
            }
            defer { group.cancelAll() }
            while let result = try await group.next() { if let result { return result } }
            return -1
        }
        #expect(runs == 1)
    }

    @Test func `a wrong secret is not tried again`() async throws {
        try await TestMaster().serving { endpoint in
            let error = await #expect(throws: TransportError.self) {
                try await MasterConnection.reconnecting(to: endpoint, secret: .other, logger: quiet) { _, _ in }
            }
            #expect(error?.code == .badSecret)
        }
    }

    @Test func `a port that is taken cannot be bound`() async throws {
        try await TestMaster().serving { endpoint in
            let error = await #expect(throws: TransportError.self) {
                _ = try await MasterListener.bind(
                    host: endpoint.host, port: endpoint.port, secret: .test, logger: quiet)
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
    ]) func `that are none are refused with the text`(text: String) {
        let error = #expect(throws: TransportError.self) { try Endpoint(parsing: text, defaultPort: 4600) }
        #expect(error?.code == .badEndpoint)
        #expect(error?.message.contains("\"\(text)\"") == true)
    }

    @Test func `need a port where there is no default`() {
        #expect(throws: TransportError.self) { try Endpoint(parsing: "host") }
    }
}

@Suite struct `Backing off` {
    @Test func `delays stay below a ceiling that doubles, and start over after success`() {
        var random = SeededGenerator(seed: 3)
        for _ in 0..<200 {
            var backoff = Backoff(base: .milliseconds(50), maximum: .seconds(3))
            for ceiling in [50, 100, 200, 400, 800, 1600, 3000, 3000, 3000] {
                let delay = backoff.next(using: &random)
                #expect(delay >= .zero && delay <= .milliseconds(ceiling))
            }
            backoff.reset()
            #expect(backoff.next(using: &random) <= .milliseconds(50))
        }
    }

    @Test func `delays are spread over the whole range`() {
        var random = SeededGenerator(seed: 4)
        var halves = [0, 0]
        for _ in 0..<1000 {
            var backoff = Backoff(base: .milliseconds(100))
            halves[backoff.next(using: &random) < .milliseconds(50) ? 0 : 1] += 1
        }
        #expect(halves.allSatisfy { $0 > 400 })
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

    @Test func `is read less one newline`() throws {
        let bare = try Self.withFile("0123456789abcdef") { try SharedSecret(file: $0) }
        #expect(try Self.withFile("0123456789abcdef\n") { try SharedSecret(file: $0) } == bare)
        #expect(try Self.withFile("0123456789abcdef\n\n") { try SharedSecret(file: $0) } != bare)
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
