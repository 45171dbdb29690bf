import GatewayLogic
import NIOCore
import NIOHTTP1

/// Ends connections whose peers keep them without using them, and turns the parts of answers into what NIO's encoder takes.
///
///     no request for `idle`                      closed
///     a body that arrives slower than `BodyRate`  closed
///     an answer of which nothing is taken         closed
///     nothing more to send                        closed after `linger`
///     told to stop                                closed now if no request is under way, else after its answer
final class ConnectionGuard: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPPart<HTTPResponseHead, ByteBuffer>
    typealias OutboundOut = HTTPServerResponsePart

    /// An event: the listener stops.
    struct Stop: Sendable {}

    private enum Phase {
        case idle(since: NIODeadline)
        case receiving(BodyRate)
        /// The request is complete, and its answer is not.
        case answering
    }

    private let limits: HTTPListener.Limits
    private let departure: PeerDeparture
    private var phase = Phase.idle(since: .now())
    private var isStopping = false
    private var unwritableSince: NIODeadline?
    private var check: RepeatedTask?

    init(_ limits: HTTPListener.Limits, _ departure: PeerDeparture) {
        self.limits = limits
        self.departure = departure
    }

    func channelActive(context: ChannelHandlerContext) {
        phase = .idle(since: .now())
        start(context)
        context.fireChannelActive()
    }

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { start(context) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        check?.cancel()
        departure.happened()
        context.fireChannelInactive()
    }

    private func start(_ context: ChannelHandlerContext) {
        guard check == nil else { return }
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        check = context.eventLoop.scheduleRepeatedTask(initialDelay: .seconds(2), delay: .seconds(2)) { _ in
            let (handler, context) = bound.value
            if handler.isOverdue { context.close(promise: nil) }
        }
    }

    private var isOverdue: Bool {
        let now = NIODeadline.now()
        if let unwritableSince, now - unwritableSince > limits.stalledWrite { return true }
        switch phase {
        case .idle(let since): return now - since > limits.idle
        case .receiving(let rate): return rate.isTooSlow(at: Self.elapsed(now))
        case .answering: return false
        }
    }

    // MARK: Inbound

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch Self.unwrapInboundIn(data) {
        case .head: phase = .receiving(BodyRate())
        case .body(let bytes):
            if case .receiving(var rate) = phase {
                rate.arrived(bytes.readableBytes, at: Self.elapsed(.now()))
                phase = .receiving(rate)
            }
        case .end: if case .receiving = phase { phase = .answering }
        }
        context.fireChannelRead(data)
    }

    func read(context: ChannelHandlerContext) {
        if case .receiving(var rate) = phase {
            rate.asked(at: Self.elapsed(.now()))
            phase = .receiving(rate)
        }
        context.read()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        unwritableSince = context.channel.isWritable ? nil : .now()
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is Stop {
            isStopping = true
            if case .idle = phase { context.close(promise: nil) }
            return
        }
        if case .inputClosed? = event as? ChannelEvent { departure.happened() }
        // All was sent, and nothing more will be: the peer has a moment to take it.
        if case .outputClosed? = event as? ChannelEvent {
            let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
            context.eventLoop.scheduleTask(in: limits.linger) { bound.value.close(promise: nil) }
        }
        context.fireUserInboundEventTriggered(event)
    }

    // MARK: Outbound

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch Self.unwrapOutboundIn(data) {
        case .head(var head):
            if isStopping, head.status.code >= 200 { head.headers.replaceOrAdd(name: "Connection", value: "close") }
            context.write(Self.wrapOutboundOut(.head(head)), promise: promise)
        case .body(let bytes): context.write(Self.wrapOutboundOut(.body(.byteBuffer(bytes))), promise: promise)
        case .end(let trailers):
            phase = .idle(since: .now())
            guard isStopping else { return context.write(Self.wrapOutboundOut(.end(trailers)), promise: promise) }
            let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
            let written = promise ?? context.eventLoop.makePromise()
            context.write(Self.wrapOutboundOut(.end(trailers)), promise: written)
            written.futureResult.whenComplete { _ in bound.value.close(promise: nil) }
        }
    }

    private static func elapsed(_ now: NIODeadline) -> Duration { .nanoseconds(Int64(clamping: now.uptimeNanoseconds)) }
}
