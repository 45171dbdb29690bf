import Glibc
import Logging
import Metrics
import NIOCore
import Settings
import Synchronization
import TestBasics
import Testing
import Transport

@testable import DaemonSupport

@Suite(.timeLimit(.minutes(2))) struct MetricsListenerTests {
    /// A daemon in whatever state a test wants.
    private final class Source: MetricsSource {
        private let state = Mutex((health: Health.good, readiness: Health.good))
        var metrics: [MetricFamily] { [.counter("tessera_things_total", "Things.", 3)] }
        var health: Health { state.withLock { $0.health } }
        var readiness: Health { state.withLock { $0.readiness } }
        func set(health: Health, readiness: Health) { state.withLock { $0 = (health, readiness) } }
    }

    private func expect(
        _ path: String, _ expected: HTTPQuestion.Answer, _ ask: HTTPQuestion,
        at location: SourceLocation = #_sourceLocation
    ) async throws {
        let answer = try await ask.get(path)
        #expect(answer == expected, sourceLocation: location)
    }

    private func withListener(
        _ limits: MetricsListener.Limits = .init(),
        _ body: (_ ask: HTTPQuestion, _ source: Source) async throws -> Void
    ) async throws {
        let source = Source()
        // Of its own: a test beside this one cannot take a port of it.
        let host = "127.\(Int.random(in: 1..<255)).\(Int.random(in: 0..<256)).\(Int.random(in: 1..<255))"
        let listener = try await MetricsListener.bind(to: Endpoint(host: host, port: 0), limits: limits, for: source)
        let ask = HTTPQuestion(host: host, port: listener.localPort)
        do {
            try await body(ask, source)
        } catch {
            await listener.close()
            throw error
        }
        source.set(health: .bad("closed"), readiness: .good)
        await listener.close()
        // It does not answer any longer. A program that listens on every address may have taken the port since.
        #expect((try? await ask.get("/healthz"))?.body != "closed\n")
    }

    @Test func `metrics have those of the process and those of the daemon`() async throws {
        try await withListener { ask, _ in
            let answer = try await ask.get("/metrics")
            #expect(answer.status == 200)
            let lines = answer.body.split(separator: "\n")
            #expect(lines.contains("tessera_things_total 3") && lines.contains("tessera_ready 1"))
            for name in ["process_resident_memory_bytes", "process_open_fds", "process_max_fds"] {
                let line = try #require(lines.first { $0.hasPrefix("\(name) ") }, "\(name)")
                #expect(try #require(UInt64(line.split(separator: " ")[1])) > 0)
            }
            let start = try #require(lines.first { $0.hasPrefix("process_start_time_seconds ") })
            let seconds = try #require(Double(start.split(separator: " ")[1]))
            #expect((0..<86_400 * 7).contains(Double(time(nil)) - seconds + 1))
        }
    }

    @Test func `health and readiness are statuses, with the reason`() async throws {
        try await withListener { ask, source in
            try await expect("/healthz", .init(200, "ok\n"), ask)
            try await expect("/readyz", .init(200, "ok\n"), ask)
            source.set(health: .good, readiness: .bad("the journal is being replayed"))
            try await expect("/healthz", .init(200, "ok\n"), ask)
            try await expect("/readyz", .init(503, "the journal is being replayed\n"), ask)
            let metrics = try await ask.get("/metrics").body
            #expect(metrics.contains("\ntessera_ready 0\n"))
            source.set(health: .bad("stalled"), readiness: .bad("stalled"))
            try await expect("/healthz", .init(503, "stalled\n"), ask)
            try await expect("/else", .init(404, "there are /metrics, /healthz and /readyz\n"), ask)
        }
    }

    @Test func `only plain questions are answered`() async throws {
        try await withListener { ask, _ in
            for (text, status) in [
                ("POST /metrics HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "405"), ("DELETE / HTTP/1.1\r\n\r\n", "405"),
                ("GET /metrics HTTP/2.0\r\n\r\n", "505"), ("nonsense\r\n\r\n", "400"),
                (String(repeating: "x", count: 10_000), "431"),
            ] {
                let answer = try await ask.ask(Array(text.utf8))
                #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(text.prefix(30)): \(answer.prefix(80))")
                #expect(!answer.contains("tessera_things_total"))
            }
            let head = try await ask.ask(Array("HEAD /metrics HTTP/1.1\r\n\r\n".utf8))
            #expect(head.hasPrefix("HTTP/1.1 200 ") && head.hasSuffix("\r\n\r\n"))
            // A second request on the connection is not answered, and not an error.
            let twice = try await ask.ask(Array("GET /healthz HTTP/1.1\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n".utf8))
            #expect(twice.ranges(of: "HTTP/1.1 200 ").count == 1)
            // A peer that ends before its request does hears nothing.
            #expect(try await ask.ask(Array("GET /healthz".utf8), endsOutput: true).isEmpty)
        }
    }

    @Test func `a connection that says nothing, or takes nothing, ends after its time`() async throws {
        var limits = MetricsListener.Limits()
        limits.connection = .seconds(1)
        try await withListener(limits) { ask, _ in
            let start = ContinuousClock.now
            let silent = try ask.connect()
            defer { close(silent) }
            #expect(try HTTPQuestion.rest(of: silent).isEmpty)
            let answered = try ask.connect()
            defer { close(answered) }
            let request = Array("GET /metrics HTTP/1.1\r\n\r\n".utf8)
            #expect(send(answered, request, request.count, CInt(MSG_NOSIGNAL)) == request.count)
            // It keeps its side open, and gets the whole answer.
            #expect(try HTTPQuestion.rest(of: answered).hasSuffix("tessera_things_total 3\n"))
            #expect(ContinuousClock.now - start >= .seconds(1))
        }
    }

    @Test func `connections beyond the limit are closed, and their end makes room`() async throws {
        var limits = MetricsListener.Limits()
        limits.connections = 4
        limits.connection = .minutes(1)
        try await withListener(limits) { ask, _ in
            var held: [CInt] = []
            defer { for descriptor in held { close(descriptor) } }
            for _ in 0..<5 { held.append(try ask.connect()) }
            // They reach the listener's loops in any order: one of the five is one too many.
            var polled = held.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            #expect(poll(&polled, nfds_t(polled.count), 30_000) == 1)
            let refused = try #require(polled.firstIndex { $0.revents != 0 })
            #expect(try HTTPQuestion.rest(of: held[refused]).isEmpty)
            close(held.remove(at: refused))
            close(held.removeLast())
            // The listener learns of the end a moment later.
            var status = 0
            while status != 200 { status = (try? await ask.get("/healthz").status) ?? 0 }
        }
    }

    @Test func `an address that cannot be had is said with the setting's name`() async throws {
        try await withListener { ask, _ in
            let taken = Endpoint(host: ask.host, port: ask.port)
            let error = await #expect(throws: TransportError.self) {
                try await MetricsListener.bind(to: taken, for: Source())
            }
            #expect(error?.code == .cannotBind && error?.message.contains("--metrics-listen") == true)
        }
        let error = await #expect(throws: SettingsError.self) {
            try await MetricsListener.bind(
                to: Endpoint(host: "no-such-host.invalid", port: 0), for: Source())
        }
        #expect(error?.description.hasPrefix("--metrics-listen: ") == true)
    }

    @Test func `metrics are off unless an address is set`() throws {
        func address(_ arguments: String...) throws -> Endpoint? {
            try MetricsSetting.address(
                Settings(
                    program: "test", version: "0", summary: "", settings: [MetricsSetting.setting],
                    arguments: arguments, environment: [:]))
        }
        #expect(try address() == nil)
        #expect(try address("--metrics-listen", "127.0.0.1:9400") == Endpoint(host: "127.0.0.1", port: 9400))
        #expect(try address("--metrics-listen", "*:9400")?.host == Endpoint.everyAddress)
        let error = #expect(throws: SettingsError.self) { try address("--metrics-listen", "localhost") }
        #expect(error?.description.contains("the port is missing") == true)
    }

    @Test func `what a daemon does ends its listener, whatever way it ends`() async throws {
        struct Broken: Error {}
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let address = Endpoint(host: "127.0.0.1", port: 0)
        #expect(try await answeringMetrics(at: address, of: Source(), logger) { 7 } == 7)
        #expect(try await answeringMetrics(at: nil, of: Source(), logger) { 8 } == 8)
        await #expect(throws: Broken.self) {
            try await answeringMetrics(at: address, of: Source(), logger) { throw Broken() }
        }
    }
}
