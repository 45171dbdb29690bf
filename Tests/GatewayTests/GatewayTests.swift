import GatewayLogic
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

/// Thumbnails.
@Suite struct ThumbnailTests {
    @Test func `a picture is turned as its file says`() {
        // 1 2
        // 3 4
        // 5 6
        let shape = ImageShape(width: 2, height: 3, format: PixelFormat(.gray, .eight))
        let expected: [UInt8: [UInt8]] = [
            1: [1, 2, 3, 4, 5, 6], 2: [2, 1, 4, 3, 6, 5], 3: [6, 5, 4, 3, 2, 1], 4: [5, 6, 3, 4, 1, 2],
            5: [1, 3, 5, 2, 4, 6], 6: [5, 3, 1, 6, 4, 2], 7: [6, 4, 2, 5, 3, 1], 8: [2, 4, 6, 1, 3, 5],
        ]
        for (orientation, pixels) in expected {
            let upright = Orientation.upright(shape, [1, 2, 3, 4, 5, 6], as: orientation)
            #expect(upright.pixels == pixels, "orientation \(orientation)")
            #expect(upright.shape.width == (orientation < 5 ? 2 : 3))
        }
    }
}

/// Streams of events.
@Suite struct EventHubTests {
    @Test func `a reader is woken by its own topics only`() async {
        let hub = EventHub()
        let (reader, start, hasGap, wakes) = hub.join([.workers], after: nil)
        #expect(hasGap)
        hub.publish("job:1", [.jobs], "job", ["job": .integer(1)])
        hub.publish("worker:w1", [.workers], "worker", ["worker": "w1"])
        var iterator = wakes.makeAsyncIterator()
        _ = await iterator.next()
        let (changes, _) = hub.changes(after: start, limit: 10) { $0.topics.contains(.workers) }
        #expect(changes.map(\.text) == [#"{"worker":"w1"}"#])
        #expect(hub.interest == [.workers])
        hub.leave(reader)
        #expect(hub.interest.isEmpty)
    }

    @Test func `a reader that returns continues, and one of another run has a gap`() {
        let hub = EventHub()
        hub.publish("a", [.jobs], "job", ["job": .integer(1)])
        hub.publish("b", [.jobs], "job", ["job": .integer(2)])
        let back = hub.join([.jobs], after: EventID(boot: hub.boot, sequence: 1))
        #expect(!back.hasGap)
        #expect(hub.changes(after: back.sequence, limit: 10) { _ in true }.changes.count == 1)
        #expect(hub.join([.jobs], after: EventID(boot: "other", sequence: 1)).hasGap)
        #expect(hub.join([.jobs], after: EventID(boot: hub.boot, sequence: 99)).hasGap)
    }

    @Test func `a stop ends all readers`() async {
        let hub = EventHub()
        let before = hub.join([.jobs], after: nil).wakes
        hub.stop()
        for await _ in before {}
        for await _ in hub.join([.jobs], after: nil).wakes {}
    }
}

extension JSON {
    fileprivate subscript(_ name: String) -> JSON? { members.first { $0.name == name }?.value }

    fileprivate var members: [(name: String, value: JSON)] {
        guard case .object(let members) = self else { return [] }
        return members.map { ($0.name, $0.value) }
    }
}
