import Metrics
import NIOCore
import NIOPosix

/// Answers the one request of a connection, and bounds the connection's life.
///
/// ```
///  reading -- the head is complete, or wrong --> answering -- both sides have ended, or the time is over --> closed
///     |                                                                                                        ^
///     +------ the peer ends, there is no room, or the time is over ---------------------------------------------+
/// ```
/// Bytes behind the request are read and dropped: closing a socket with unread bytes would destroy the answer on its way.
///
/// The answer is made on NIO's pool of threads, not by a task: a daemon whose own tasks are stuck has to say so.
final class ScrapeHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let source: any MetricsSource
    private let room: ConnectionRoom
    private let limit: TimeAmount
    /// `nil` once the request is known.
    private var reader: ScrapeRequest.Reader? = ScrapeRequest.Reader()
    private var deadline: Scheduled<Void>?
    private var hasRoom = false
    private var hasInputEnded = false
    private var hasOutputEnded = false

    init(_ source: any MetricsSource, _ room: ConnectionRoom, limit: TimeAmount) {
        self.source = source
        self.room = room
        self.limit = limit
    }

    func channelActive(context: ChannelHandlerContext) {
        hasRoom = room.enter()
        guard hasRoom else { return context.close(promise: nil) }
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        deadline = context.eventLoop.scheduleTask(in: limit) { bound.value.close(promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        if hasRoom { room.leave() }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard hasRoom, var reader else { return }
        self.reader = nil
        do throws(ScrapeRequest.Refusal) {
            guard let request = try reader.received(Self.unwrapInboundIn(data).readableBytesView) else {
                self.reader = reader
                return
            }
            let answer = NIOThreadPool.singleton.runIfActive(eventLoop: context.eventLoop) { [source] in
                source.answer(request).encoded(isHead: request.isHead)
            }
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            answer.whenComplete { result in
                let (handler, context) = bound.value
                switch result {
                case .success(let bytes): handler.send(bytes, context)
                case .failure: context.close(promise: nil)
                }
            }
        } catch {
            send(ScrapeAnswer(error).encoded(isHead: false), context)
        }
    }

    /// Sends the answer, and ends this side's output behind it.
    private func send(_ bytes: [UInt8], _ context: ChannelHandlerContext) {
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.writeAndFlush(Self.wrapOutboundOut(ByteBuffer(bytes: bytes))).whenComplete { _ in
            bound.value.close(mode: .output, promise: nil)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event as? ChannelEvent {
        case .inputClosed: hasInputEnded = true
        case .outputClosed: hasOutputEnded = true
        case nil: break
        }
        let isHalfAsked = hasInputEnded && reader != nil
        if isHalfAsked || (hasInputEnded && hasOutputEnded) { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
