import GatewayLogic
import NIOCore
import NIOHTTP1

/// Writes a stream of events to its connection: what is told in a round, as far as the connection takes it.
///
///     hub       a round, a beat, the stop
///                 |  wakes it, in the connection's event loop
///     handler   takes what is next, while the connection is writable
///                 |
///     connection
///
/// A task for each stream would change threads twice in each round, and with a thousand readers that is most of the work.
final class EventStreamHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = Any
    typealias OutboundOut = HTTPPart<HTTPResponseHead, ByteBuffer>

    private static let beat = ByteBuffer(string: ": beat\n\n")

    private let audience: EventAudience
    /// The last event that the reader has.
    private let last: EventID?
    private let hub: EventHub
    /// Kept when the stream has ended, on this side or the other.
    private let end: EventLoopPromise<Void>
    private var reader: Int?
    private var sequence: UInt64 = 0
    private var isWriting = false

    init(_ audience: EventAudience, after last: EventID?, _ hub: EventHub, end: EventLoopPromise<Void>) {
        self.audience = audience
        self.last = last
        self.hub = hub
        self.end = end
    }

    /// Writes the events behind a head that was written before, until the hub stops, the peer is gone or the task is cancelled.
    static func write(
        _ audience: EventAudience, after last: EventID?, _ hub: EventHub, to channel: any Channel
    ) async throws {
        let end = channel.eventLoop.makePromise(of: Void.self)
        channel.eventLoop.execute {
            do {
                let handler = EventStreamHandler(audience, after: last, hub, end: end)
                try channel.pipeline.syncOperations.addHandler(handler)
            } catch {
                end.fail(error)
            }
        }
        try await withTaskCancellationHandler {
            try await end.futureResult.get()
        } onCancel: {
            channel.close(promise: nil)
        }
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let beginning = hub.join(audience, after: last) { wake in
            bound.eventLoop.execute {
                let (handler, context) = bound.value
                handler.woken(wake, context)
            }
        }
        (reader, sequence) = (beginning.reader, beginning.sequence)
        // Tabs that lost the gateway together do not return together.
        write("retry: \(Int.random(in: 500...1500))\n\n", context)
        if let gap = beginning.gap { write(gap, context) }
        context.flush()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        if let reader { hub.leave(reader, of: audience) }
        reader = nil
        end.succeed(())
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        _ = writeNext(context)
        context.fireChannelWritabilityChanged()
    }

    private func woken(_ wake: EventHub.Wake, _ context: ChannelHandlerContext) {
        guard reader != nil else { return }
        switch wake {
        case .changed: _ = writeNext(context)
        case .beat:
            guard !writeNext(context), context.channel.isWritable else { return }
            context.writeAndFlush(Self.wrapOutboundOut(.body(Self.beat)), promise: nil)
        case .stop: context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
        }
    }

    /// - Returns: whether something was written.
    private func writeNext(_ context: ChannelHandlerContext) -> Bool {
        // A write may make the connection writable again before it returns: the loop sees that.
        guard !isWriting else { return false }
        isWriting = true
        defer { isWriting = false }
        var hasWritten = false
        while reader != nil, context.channel.isWritable, let batch = hub.next(for: audience, after: sequence) {
            sequence = batch.readUpTo
            // An empty chunk would be the end.
            guard batch.byteCount > 0 else { continue }
            context.writeAndFlush(Self.wrapOutboundOut(.body(batch.bytes)), promise: nil)
            hasWritten = true
        }
        return hasWritten
    }

    private func write(_ text: String, _ context: ChannelHandlerContext) {
        context.write(Self.wrapOutboundOut(.body(ByteBuffer(string: text))), promise: nil)
    }
}
