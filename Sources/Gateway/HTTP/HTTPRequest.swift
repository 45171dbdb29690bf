import GatewayLogic
import NIOCore
import NIOHTTP1

/// The head of a request, with what is known of its connection.
struct HTTPRequest: Sendable {
    /// Names the request in the log and in problems.
    let id: String
    let head: HTTPRequestHead
    let peer: SocketAddress?
    /// Closes the connection, from any task.
    let hangUp: @Sendable () -> Void
    let departure: PeerDeparture

    var method: String { head.method.rawValue }

    /// The value of a field; several are joined by commas.
    func field(_ name: String) -> String? {
        let values = head.headers[name]
        return values.isEmpty ? nil : values.joined(separator: ", ")
    }

    var contentLength: UInt64? { field("Content-Length").flatMap { UInt64($0) } }

    /// Whether a body follows the head.
    var hasBody: Bool { (contentLength ?? 0) > 0 || field("Transfer-Encoding") != nil }

    /// The value of a cookie.
    func cookie(_ name: String) -> String? {
        for pair in (field("Cookie") ?? "").split(separator: ";") {
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if sides.count == 2, sides[0].trimmingSpaces() == name { return String(sides[1].trimmingSpaces()) }
        }
        return nil
    }
}

/// The body of a request, read piece by piece; and a way to tell the client something before the answer.
///
/// Belongs to the task of its connection.
final class HTTPRequestBody {
    private var iterator: HTTPListener.Connection.InboundIterator
    private let outbound: HTTPListener.Connection.OutboundWriter
    private let channel: any Channel
    private var isContinueExpected = false
    private var isMuchExpected = false
    private(set) var isComplete = true
    private(set) var byteCount: UInt64 = 0

    init(
        _ inbound: NIOAsyncChannelInboundStream<HTTPServerRequestPart>,
        _ outbound: HTTPListener.Connection.OutboundWriter, _ channel: any Channel
    ) {
        iterator = inbound.makeAsyncIterator()
        self.outbound = outbound
        self.channel = channel
    }

    /// The peer went away before the end of its body.
    struct Truncated: Error {}

    /// The head of the next request; `nil` when the peer sends none.
    func nextHead() async throws -> HTTPRequestHead? {
        while let part = try await iterator.next() {
            guard case .head(let head) = part else { continue }
            isComplete = false
            byteCount = 0
            let hasBody =
                head.headers.contains(name: "Content-Length") || head.headers.contains(name: "Transfer-Encoding")
            isContinueExpected = hasBody && head.headers.first(name: "Expect")?.lowercased() == "100-continue"
            // Its end is there already.
            if !hasBody { _ = try await next() }
            return head
        }
        return nil
    }

    /// The next bytes; `nil` at the end of the body.
    /// - Throws: `Truncated`.
    func next() async throws -> ByteBuffer? {
        guard !isComplete else { return nil }
        if isContinueExpected {
            isContinueExpected = false
            try await inform(.continue, [:])
        }
        while let part = try await nextPart() {
            switch part {
            case .head: throw Truncated()
            case .body(let bytes):
                byteCount += UInt64(bytes.readableBytes)
                return bytes
            case .end:
                isComplete = true
                return nil
            }
        }
        throw Truncated()
    }

    private func nextPart() async throws -> HTTPServerRequestPart? {
        do {
            return try await iterator.next()
        } catch HTTPParserError.invalidEOFState {
            throw Truncated()
        }
    }

    /// Lets this connection read more at once, for bodies of files: its peer has shown who it is.
    func expectMuch() async throws {
        guard !isMuchExpected else { return }
        isMuchExpected = true
        let allocator = AdaptiveRecvByteBufferAllocator(minimum: 2 << 10, initial: 64 << 10, maximum: 256 << 10)
        try await channel.setOption(.recvAllocator, value: allocator).get()
    }

    /// Whether the client waits for a word before it sends the body, and so never sends it when it is refused.
    var isHeldBack: Bool { isContinueExpected }

    /// All bytes.
    /// - Throws: `over-limit` when there are more than `limit`.
    func collect(upTo limit: Int) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        while let piece = try await next() {
            guard bytes.count + piece.readableBytes <= limit else {
                throw Problem(413, "over-limit", "the body has more than the \(limit) bytes that are allowed here")
            }
            bytes += piece.readableBytesView
        }
        return bytes
    }

    /// Sends an interim response (1xx).
    func inform(_ status: HTTPResponseStatus, _ headers: HTTPHeaders) async throws {
        try await outbound.write(.head(HTTPResponseHead(version: .http1_1, status: status, headers: headers)))
    }
}

extension HTTPListener.Connection {
    typealias InboundIterator = NIOAsyncChannelInboundStream<HTTPServerRequestPart>.AsyncIterator
    typealias OutboundWriter = NIOAsyncChannelOutboundWriter<HTTPPart<HTTPResponseHead, ByteBuffer>>
}

/// An answer.
struct HTTPReply: Sendable {
    enum Body: Sendable {
        case none
        case bytes(ByteBuffer)
        /// Written piece by piece.
        /// - length: `nil` when it is not known before.
        case stream(length: UInt64?, @Sendable (HTTPBodyWriter) async throws -> Void)
    }

    var status: Int
    var headers: HTTPHeaders
    var body: Body

    init(_ status: Int, _ headers: HTTPHeaders = [:], _ body: Body = .none) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

/// Writes the body of an answer; `write` returns when the connection takes more.
struct HTTPBodyWriter: Sendable {
    let outbound: HTTPListener.Connection.OutboundWriter
    /// The connection, for handlers of its own.
    let channel: any Channel

    func write(_ bytes: ByteBuffer) async throws {
        // An empty chunk would be the last one.
        if bytes.readableBytes > 0 { try await outbound.write(.body(bytes)) }
    }

    func write(_ bytes: [UInt8]) async throws { try await write(ByteBuffer(bytes: bytes)) }
}
