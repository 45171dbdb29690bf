import NIOCore
import NIOPosix
import Synchronization
import TLS

@testable import Transport

/// Somebody in between: encrypts with both sides, each by a channel of its own, and passes on what they say.
final class Relay: Sendable {
    let port: Int
    private let server: any Channel
    private let count = Counter()

    fileprivate final class Counter: Sendable {
        let bytes = Mutex(0)
    }

    var relayedByteCount: Int { count.bytes.withLock { $0 } }

    init(to master: Endpoint) async throws {
        let context = try TLSContext(.accepting)
        server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { [count] channel in
                channel.eventLoop.makeCompletedFuture {
                    let slots = HandshakeSlots(limit: 1)
                    let half = Half(target: master, count: count)
                    try channel.pipeline.syncOperations.addHandlers(
                        EncryptionHandler(.accepting(.always, context, slots)), half)
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = server.localAddress?.port ?? 0
    }

    func close() async throws { try await server.close() }

    /// One of the two channels. The one that was accepted opens the other, on its own event loop.
    private final class Half: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let target: Endpoint?
        private let count: Counter
        private var partner: Half?
        private var context: ChannelHandlerContext?
        private var isReady = false
        private var waiting: [ByteBuffer] = []

        init(target: Endpoint?, partner: Half? = nil, count: Counter) {
            self.target = target
            self.partner = partner
            self.count = count
        }

        func handlerAdded(context: ChannelHandlerContext) { self.context = context }

        func handlerRemoved(context: ChannelHandlerContext) {
            self.context = nil
            partner?.context?.close(promise: nil)
            partner = nil
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            guard case .encrypted = event as? ChannelNews else { return }
            isReady = true
            if let target { open(target, on: context.eventLoop) }
            for bytes in waiting { write(bytes) }
            waiting = []
        }

        private func open(_ target: Endpoint, on loop: any EventLoop) {
            let other = Half(target: nil, partner: self, count: count)
            partner = other
            let bound = NIOLoopBound(other, eventLoop: loop)
            ClientBootstrap(group: loop)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandlers(
                            EncryptionHandler(.connecting(.always)), bound.value)
                    }
                }
                .connect(host: target.host, port: target.port)
                .assumeIsolated().whenFailure { _ in self.context?.close(promise: nil) }
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = unwrapInboundIn(data)
            count.bytes.withLock { $0 += bytes.readableBytes }
            partner?.write(bytes)
        }

        private func write(_ bytes: ByteBuffer) {
            guard isReady, let context else {
                waiting.append(bytes)
                return
            }
            context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
        }
    }
}
