import GatewayLogic
import JobModel
import JSONText
import NIOCore
import NIOHTTP1
import Pipelines
import Settings
import SystemCalls
import Testing

@testable import Gateway

/// Settings and what they decide.
@Suite struct GatewaySettingsTests {
    private func settings(_ arguments: String...) throws -> GatewaySettings {
        try GatewaySettings(
            try Settings(
                program: "tessera-web", version: "0", summary: "", settings: GatewaySettings.table,
                arguments: arguments,
                environment: [:]))
    }

    @Test func `the gateway listens beyond this machine only behind a proxy`() throws {
        #expect(try settings().isLoopback)
        #expect(try settings("--listen", "[::1]:80").isLoopback)
        #expect(throws: SettingsError.self) { try settings("--listen", "0.0.0.0:7480") }
        #expect(throws: SettingsError.self) { try settings("--listen", "*:7480") }
        #expect(throws: SettingsError.self) { try settings("--listen", "192.0.2.1:7480") }
        let proxied = try settings("--listen", "192.0.2.1:7480", "--behind-proxy", "192.0.2.0/24, 2001:db8::1")
        #expect(proxied.proxies.count == 2)
        #expect(throws: SettingsError.self) { try settings("--behind-proxy", "somewhere") }
    }

    @Test(arguments: [
        ("10.0.0.0/8", "10.1.2.3", true), ("10.0.0.0/8", "11.0.0.1", false), ("127.0.0.1", "127.0.0.1", true),
        ("127.0.0.1", "127.0.0.2", false), ("10.0.0.0/8", "::ffff:10.1.2.3", true),
        ("2001:db8::/33", "2001:db8:7fff::1", true),
        ("2001:db8::/33", "2001:db8:8000::1", false), ("0.0.0.0/0", "8.8.8.8", true), ("0.0.0.0/0", "::1", false),
    ]) func `an address is within a block by its first bits`(block: String, address: String, isWithin: Bool) throws {
        #expect(try #require(AddressBlock(block)).contains(address) == isWithin)
    }

    @Test(arguments: ["", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/", "10.0.0.0/-1", "a/8", "::1/129"])
    func `what is not a block of addresses is refused`(text: String) { #expect(AddressBlock(text) == nil) }
}

/// The description of the API.
@Suite struct ContractTests {
    @Test func `routes and roles are those of the description`() throws {
        let root = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()
        let bytes = try #require(wholeFile(at: root + "/share/tessera/openapi.json", upTo: 1 << 22))
        let document = try JSON(parsing: bytes)
        var described: Set<String> = []
        for (path, item) in document["paths"]?.members ?? [] {
            for (method, operation) in item.members
            where ["get", "put", "post", "patch", "delete", "options", "head"].contains(method) {
                guard case .string(let role)? = operation["x-role"] else { continue }
                described.insert("\(method.uppercased()) \(path) \(role)")
            }
        }
        let routes = Set(Route.all.map { "\($0.method) \($0.path) \($0.role?.rawValue ?? "none")" })
        #expect(routes == described)
    }
}

/// Streams of events.
@Suite struct EventHubTests {
    private func audience(_ topics: Topic..., name: String = "ada") -> EventAudience {
        EventAudience(topics: Set(topics), name: name)
    }

    private func text(_ batch: EventRounds<ByteBuffer>.Batch?) -> String {
        batch.map { String(buffer: $0.bytes) } ?? ""
    }

    @Test func `a reader is woken by its own topics only`() async {
        let hub = EventHub()
        let (jobs, workers) = (audience(.jobs), audience(.workers))
        let (one, other) = (hub.join(jobs, after: nil), hub.join(workers, after: nil))
        #expect(one.gap != nil)
        #expect(hub.interest == [.jobs, .workers])
        #expect(hub.readerCount == 2)
        hub.publish("worker:w1", [.workers], "worker", ["worker": "w1"])
        #expect(hub.next(for: workers, after: other.sequence) == nil, "it is told in a round")
        hub.tell()
        hub.stop()
        var wakes = 0
        for await _ in other.wakes { wakes += 1 }
        #expect(wakes == 1)
        #expect(
            text(hub.next(for: workers, after: other.sequence)).hasSuffix(
                "event: worker\ndata: {\"worker\":\"w1\"}\n\n"))
        for await _ in one.wakes { wakes += 1 }
        #expect(wakes == 1, "nothing for it")
        hub.leave(one.reader, of: jobs)
        hub.leave(other.reader, of: workers)
        #expect(hub.interest.isEmpty)
    }

    @Test func `readers of the same at the same place share the bytes`() throws {
        let hub = EventHub()
        hub.publish([1, 2, 3].map { EventHub.News(JobID($0), ["job": .integer($0)]) })
        hub.tell()
        let first = try #require(hub.next(for: audience(.jobs, name: "ada"), after: 0)).bytes
        let second = try #require(hub.next(for: audience(.jobs, name: "eve"), after: 0)).bytes
        let places = [first, second].map { $0.withUnsafeReadableBytes { $0.baseAddress } }
        #expect(places[0] == places[1])
        #expect(first.readableBytes > 100)
    }

    @Test func `a new job is told at once, and never in place of a later state`() {
        let hub = EventHub()
        hub.publish([EventHub.News(JobID(1), ["state": "done"])])
        hub.publish(
            [EventHub.News(JobID(1), ["state": "open"]), EventHub.News(JobID(2), ["state": "open"])], onlyNew: true)
        hub.tell()
        let told = text(hub.next(for: audience(.jobs), after: 0))
        #expect(told.contains("done"))
        #expect(told.split(separator: "\n").filter { $0.contains("open") }.count == 1)
    }

    @Test func `a reader that returns continues, and one of another run has a gap`() {
        let hub = EventHub()
        let boot = RunOfGateway.name(hub)
        hub.publish("a", [.jobs], "job", ["job": .integer(1)])
        hub.publish("b", [.jobs], "job", ["job": .integer(2)])
        hub.tell()
        let back = hub.join(audience(.jobs), after: EventID(boot: boot, sequence: 1))
        #expect(back.gap == nil)
        #expect(
            text(hub.next(for: audience(.jobs), after: back.sequence))
                == "id: \(boot)-2\nevent: job\ndata: {\"job\":2}\n\n")
        #expect(hub.join(audience(.jobs), after: EventID(boot: "other", sequence: 1)).gap != nil)
        #expect(hub.join(audience(.jobs), after: EventID(boot: boot, sequence: 99)).gap != nil)
    }

    @Test func `a stop ends all readers`() async {
        let hub = EventHub()
        let before = hub.join(audience(.jobs), after: nil).wakes
        hub.stop()
        for await _ in before {}
        for await _ in hub.join(audience(.jobs), after: nil).wakes {}
    }

    @Test func `changes are told without anybody asking`() async throws {
        let hub = EventHub()
        let reader = hub.join(audience(.jobs), after: nil)
        let telling = Task { await hub.run() }
        defer { telling.cancel() }
        var wakes = reader.wakes.makeAsyncIterator()
        var sequence = reader.sequence
        for job in UInt64(1)...3 {
            hub.publish([EventHub.News(JobID(job), ["job": .integer(job)])])
            _ = await wakes.next()
            let batch = try #require(hub.next(for: audience(.jobs), after: sequence))
            #expect(text(batch).hasSuffix("{\"job\":\(job)}\n\n"))
            sequence = batch.readUpTo
        }
    }

    /// What the ids of a hub begin with, as its first reader is told.
    private enum RunOfGateway {
        static func name(_ hub: EventHub) -> String {
            let gap = hub.join(EventAudience(topics: [.cluster], name: ""), after: nil).gap ?? []
            return String(decoding: gap.dropFirst(4).prefix { $0 != UInt8(ascii: "-") }, as: UTF8.self)
        }
    }
}

extension JSON {
    fileprivate subscript(_ name: String) -> JSON? { members.first { $0.name == name }?.value }

    fileprivate var members: [(name: String, value: JSON)] {
        guard case .object(let members) = self else { return [] }
        return members.map { ($0.name, $0.value) }
    }
}
