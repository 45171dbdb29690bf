import GatewayLogic
import Logging
import NIOCore
import NIOHTTP1

/// One connection: requests and their answers, in turn.
struct HTTPConnection: Sendable {
    /// A refused body is read that far, so that the peer gets to see the answer before the connection is closed under it.
    private static let lingerByteCount: UInt64 = 1 << 20
    /// Bodies up to this are read to their end after a refusal.
    private static let skippedByteCount: UInt64 = 64 << 10

    private let connection: HTTPListener.Connection
    private let departure: PeerDeparture
    private let logger: Logger

    init(_ connection: HTTPListener.Connection, _ departure: PeerDeparture, logger: Logger) {
        self.connection = connection
        self.departure = departure
        self.logger = logger
    }

    func run(_ responder: some HTTPResponder) async {
        do {
            try await connection.executeThenClose { inbound, outbound in
                let body = HTTPRequestBody(inbound, outbound, connection.channel)
                do {
                    while let head = try await body.nextHead() {
                        guard try await serve(head, body, outbound, responder) else { break }
                    }
                } catch is HTTPParserError {
                    try await refuse(
                        outbound, "the request is not HTTP/1.1 as RFC 9112 has it, or its head is too long")
                }
                // Behind what is still to be sent; `ConnectionGuard` closes the rest when that is done.
                outbound.finish()
                if !body.isComplete, !body.isHeldBack { await drain(body) }
                try await connection.channel.closeFuture.get()
            }
        } catch {
            // The peer is gone, or too slow.
            logger.trace("connection ended", metadata: ["reason": "\(error)"])
        }
    }

    /// - Returns: whether the connection takes another request.
    private func serve(
        _ head: HTTPRequestHead, _ body: HTTPRequestBody, _ outbound: HTTPListener.Connection.OutboundWriter,
        _ responder: some HTTPResponder
    ) async throws -> Bool {
        let start = ContinuousClock.now
        let channel = connection.channel
        let request = HTTPRequest(
            id: RandomText.base32(byteCount: 5), head: head, peer: channel.remoteAddress,
            hangUp: { channel.close(promise: nil) }, departure: departure)
        let reply = await responder.respond(to: request, body: body)
        // A short body that was not wanted is passed over, so that the connection can be used again.
        if !body.isComplete, !body.isHeldBack, (request.contentLength ?? .max) <= Self.skippedByteCount {
            while (try? await body.next()) != nil {}
        }
        let staysOpen = head.isKeepAlive && body.isComplete
        var written = 0
        defer {
            responder.answered(request, status: reply.status, byteCount: written, after: .now - start)
        }
        written = try await send(reply, to: head, staysOpen: staysOpen, outbound)
        return staysOpen
    }

    private func send(
        _ reply: HTTPReply, to head: HTTPRequestHead, staysOpen: Bool,
        _ outbound: HTTPListener.Connection.OutboundWriter
    ) async throws -> Int {
        var headers = reply.headers
        if !staysOpen { headers.replaceOrAdd(name: "Connection", value: "close") }
        let status = HTTPResponseStatus(statusCode: reply.status)
        let mayHaveBody = status.mayHaveResponseBody
        switch reply.body {
        case .none:
            if mayHaveBody, headers["Content-Length"].isEmpty { headers.add(name: "Content-Length", value: "0") }
        case .bytes(let bytes): headers.replaceOrAdd(name: "Content-Length", value: "\(bytes.readableBytes)")
        case .stream(let length?, _): headers.replaceOrAdd(name: "Content-Length", value: "\(length)")
        case .stream(nil, _): headers.replaceOrAdd(name: "Transfer-Encoding", value: "chunked")
        }
        let responseHead = HTTPResponseHead(version: .http1_1, status: status, headers: headers)
        let isBodyWanted = head.method != .HEAD && mayHaveBody
        switch reply.body {
        case .bytes(let bytes) where isBodyWanted && bytes.readableBytes > 0:
            try await outbound.write(contentsOf: [.head(responseHead), .body(bytes), .end(nil)])
            return bytes.readableBytes
        case .stream(_, let write) where isBodyWanted:
            try await outbound.write(.head(responseHead))
            try await write(HTTPBodyWriter(outbound: outbound, channel: connection.channel))
            try await outbound.write(.end(nil))
            return 0
        case .none, .bytes, .stream:
            try await outbound.write(contentsOf: [.head(responseHead), .end(nil)])
            return 0
        }
    }

    /// Reads some of a body that nobody wants: closing a socket with unread bytes would destroy the answer on its way to the
    /// peer.
    private func drain(_ body: HTTPRequestBody) async {
        let end = body.byteCount + Self.lingerByteCount
        while body.byteCount < end, (try? await body.next()) != nil {}
    }

    private func refuse(_ outbound: HTTPListener.Connection.OutboundWriter, _ detail: String) async throws {
        let text = Problem.malformed(detail).json(requestID: "none").text
        let headers: HTTPHeaders = [
            "Connection": "close", "Content-Type": "application/problem+json", "Content-Length": "\(text.utf8.count)",
        ]
        let head = HTTPResponseHead(version: .http1_1, status: .badRequest, headers: headers)
        try await outbound.write(contentsOf: [.head(head), .body(ByteBuffer(string: text)), .end(nil)])
    }
}
