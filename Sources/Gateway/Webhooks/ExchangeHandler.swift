import GatewayLogic
import NIOCore
import NIOHTTP1

/// Sends the request once the channel is active, and completes the answer by the first of: its end, a failure, the deadline. Where the
/// head of the answer has arrived by then, it is what counts. Then the connection is closed.
final class ExchangeHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let head: HTTPRequestHead
    private let body: String
    private let answer: Answer<WebhookPost.Reply>
    private let deadline: NIODeadline
    private var timer: Scheduled<Void>?
    private var reply: WebhookPost.Reply?

    init(_ head: HTTPRequestHead, _ body: String, _ answer: Answer<WebhookPost.Reply>, until deadline: NIODeadline) {
        self.head = head
        self.body = body
        self.answer = answer
        self.deadline = deadline
    }

    func handlerAdded(context: ChannelHandlerContext) {
        timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
            self.end("it did not answer in time")
        }
        // Also when it was completed from outside, as at the end of the gateway.
        let channel = context.channel
        answer.promise.futureResult.whenComplete { _ in channel.close(promise: nil) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        end("the connection ended before an answer")
    }

    func channelActive(context: ChannelHandlerContext) {
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: body)))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            // An interim response is followed by another.
            guard head.status.code >= 200 else { return }
            let field = head.headers.first(name: "Retry-After")
            reply = WebhookPost.Reply(status: Int(head.status.code), retryAfter: field.flatMap { UInt64($0) })
        case .body: break
        case .end: if reply != nil { end("") }
        }
    }

    func channelInactive(context: ChannelHandlerContext) { end("the connection ended before an answer") }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { end(WebhookPost.words(error)) }

    private func end(_ reason: String) {
        answer.complete(reply.map { .success($0) } ?? .failure(WebhookPost.Failure(description: reason)))
    }
}

/// Fails a connection on which more bytes arrive than are wanted.
final class InboundLimit: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private var rest: Int

    init(_ limit: Int) { rest = limit }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let count = unwrapInboundIn(data).readableBytes
        guard rest >= 0 else { return }
        rest -= count
        guard rest >= 0 else {
            context.fireErrorCaught(WebhookPost.Failure(description: "its answer is too long"))
            return
        }
        context.fireChannelRead(data)
    }
}
