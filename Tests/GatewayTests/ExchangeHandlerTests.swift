import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import Gateway

/// One request on a connection without a network, in a time of its own.
@Suite struct ExchangeHandlerTests {
    private let channel = EmbeddedChannel()
    private let answer: Answer<WebhookPost.Reply>

    init() throws {
        answer = Answer(channel.eventLoop.makePromise(of: WebhookPost.Reply.self))
        let head = HTTPRequestHead(version: .http1_1, method: .POST, uri: "/hook")
        let handler = ExchangeHandler(head, "{}", answer, until: .uptimeNanoseconds(10_000_000_000))
        try channel.pipeline.syncOperations.addHandler(handler)
        try channel.connect(to: SocketAddress(ipAddress: "192.0.2.1", port: 80)).wait()
    }

    private func pass(_ time: TimeAmount) { channel.embeddedEventLoop.advanceTime(by: time) }

    private func receive(_ part: HTTPClientResponsePart) throws { try channel.writeInbound(part) }

    /// What the exchange has come to; it has to have ended.
    private func result() -> Result<WebhookPost.Reply, WebhookPost.Failure> {
        do {
            return .success(try answer.promise.futureResult.wait())
        } catch {
            return .failure(error as? WebhookPost.Failure ?? WebhookPost.Failure(description: "\(error)"))
        }
    }

    private func head(_ status: Int, _ headers: HTTPHeaders = [:]) -> HTTPClientResponsePart {
        .head(HTTPResponseHead(version: .http1_1, status: .init(statusCode: status), headers: headers))
    }

    @Test func `the request is sent at once, and the end of the answer closes the connection`() throws {
        var sent: [HTTPClientRequestPart] = []
        while let part = try channel.readOutbound(as: HTTPClientRequestPart.self) { sent.append(part) }
        #expect(sent.count == 3)
        try receive(head(429, ["Retry-After": "7"]))
        #expect(channel.isActive)
        try receive(.end(nil))
        #expect(!channel.isActive)
        #expect(result() == .success(WebhookPost.Reply(status: 429, retryAfter: 7)))
    }

    @Test func `at the deadline an answer that has begun counts`() throws {
        try receive(head(100))
        try receive(head(200))
        pass(.seconds(9))
        #expect(channel.isActive)
        pass(.seconds(1))
        #expect(!channel.isActive)
        #expect(result() == .success(WebhookPost.Reply(status: 200, retryAfter: nil)))
    }

    @Test func `at the deadline no answer is a failure, and an interim one is none`() throws {
        try receive(head(103))
        pass(.seconds(10))
        #expect(!channel.isActive)
        #expect(result() == .failure(WebhookPost.Failure(description: "it did not answer in time")))
    }

    @Test func `a connection that ends early is a failure`() throws {
        try channel.close().wait()
        #expect(result() == .failure(WebhookPost.Failure(description: "the connection ended before an answer")))
    }

    @Test func `a completion from outside closes the connection`() {
        answer.complete(.failure(CancellationError()))
        #expect(!channel.isActive)
        #expect(result() == .failure(WebhookPost.Failure(description: "\(CancellationError())")))
    }
}
