import Foundation
import NIOCore
import NIOPosix
import Synchronization
import Transport

/// Passes bytes on between programs and a master, as the network does, and keeps a copy of all of them.
final class Tap: Sendable {
    let port: Int
    private let server: any Channel
    private let copy = Copy()

    fileprivate final class Copy: Sendable {
        let bytes = Mutex(Data())
    }

    /// Everything that has passed, in both directions.
    var bytes: Data { copy.bytes.withLock { $0 } }

    init(to master: Endpoint) async throws {
        server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { [copy] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(End(opening: master, copy: copy))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = server.localAddress?.port ?? 0
    }

    func stop() { server.close(promise: nil) }

    /// One of the two connections; the one that was accepted opens the other, on its own event loop, and reads when it is there.
    private final class End: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let target: Endpoint?
        private let copy: Copy
        private var other: End?
        private var context: ChannelHandlerContext?

        init(opening target: Endpoint?, other: End? = nil, copy: Copy) {
            self.target = target
            self.other = other
            self.copy = copy
        }

        func handlerAdded(context: ChannelHandlerContext) { self.context = context }

        func handlerRemoved(context: ChannelHandlerContext) {
            self.context = nil
            other?.context?.close(promise: nil)
            other = nil
        }

        func channelActive(context: ChannelHandlerContext) {
            guard let target else { return }
            let other = End(opening: nil, other: self, copy: copy)
            self.other = other
            let bound = NIOLoopBound(other, eventLoop: context.eventLoop)
            ClientBootstrap(group: context.eventLoop)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(bound.value)
                    }
                }
                .connect(host: target.host, port: target.port)
                .assumeIsolated().whenComplete { result in
                    guard let context = self.context else { return }
                    switch result {
                    case .success:
                        context.channel.setOption(.autoRead, value: true).assumeIsolated().whenComplete { _ in
                            context.read()
                        }
                    case .failure: context.close(promise: nil)
                    }
                }
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = unwrapInboundIn(data)
            copy.bytes.withLock { $0.append(contentsOf: bytes.readableBytesView) }
            other?.context?.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
        }
    }
}
