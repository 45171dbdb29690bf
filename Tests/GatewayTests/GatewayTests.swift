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

extension JSON {
    fileprivate subscript(_ name: String) -> JSON? { members.first { $0.name == name }?.value }

    fileprivate var members: [(name: String, value: JSON)] {
        guard case .object(let members) = self else { return [] }
        return members.map { ($0.name, $0.value) }
    }
}
