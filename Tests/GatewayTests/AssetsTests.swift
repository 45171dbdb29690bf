import GatewayLogic
import NIOCore
import NIOHTTP1
import Testing

@testable import Gateway

/// The page's files as they are sent.
@Suite struct AssetsTests {
    private let assets: Assets

    init() throws {
        let root = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()
        assets = try Assets(directory: root + "/share/tessera")
    }

    private func reply(_ path: String, _ fields: HTTPHeaders) throws -> HTTPReply {
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: path, headers: fields)
        let request = HTTPRequest(id: "test", head: head, peer: nil, hangUp: {}, departure: PeerDeparture())
        return try #require(assets.reply(to: request, try RequestTarget(parsing: path)))
    }

    private func bytes(_ reply: HTTPReply) throws -> ByteBuffer {
        guard case .bytes(let bytes) = reply.body else {
            Issue.record("the reply has no bytes")
            return ByteBuffer()
        }
        return bytes
    }

    @Test(arguments: ["/", "main.js", "style/page.css", "icon.svg"])
    func `a file is compressed for those who take it, under a tag of its own`(name: String) throws {
        let path = name == "/" ? name : "\(assets.base)/\(name)"
        let plain = try reply(path, [:])
        let short = try reply(path, ["Accept-Encoding": "gzip"])
        #expect(plain.headers["Content-Encoding"].isEmpty)
        #expect(short.headers["Content-Encoding"] == ["gzip"])
        #expect(try bytes(short).readableBytes < bytes(plain).readableBytes)
        #expect(try bytes(short).readableBytesView.prefix(2) == [0x1F, 0x8B])
        #expect(plain.headers["Vary"] == ["Accept-Encoding"])
        #expect(short.headers["Vary"] == ["Accept-Encoding"])
        let (tag, shortTag) = (plain.headers["ETag"][0], short.headers["ETag"][0])
        #expect(tag != shortTag)
        #expect(try reply(path, ["If-None-Match": tag]).status == 304)
        #expect(try reply(path, ["If-None-Match": shortTag, "Accept-Encoding": "gzip"]).status == 304)
        #expect(try reply(path, ["If-None-Match": tag, "Accept-Encoding": "gzip"]).status == 200, "of another form")
    }

    @Test func `a text that does not get shorter is not compressed`() {
        #expect(Gzip.compressed([]) == nil)
        #expect(Gzip.compressed([1, 2, 3]) == nil)
        var random = SystemRandomNumberGenerator()
        #expect(Gzip.compressed((0..<1000).map { _ in UInt8.random(in: .min ... .max, using: &random) }) == nil)
        #expect(Gzip.compressed([UInt8](repeating: 7, count: 100_000))?.count ?? .max < 1000)
    }
}
