import GatewayLogic
import NIOCore
import NIOPosix
import Synchronization

@testable import Gateway

/// A receiver that answers every request by the same bytes, and knows what it was sent.
final class CannedReceiver: Sendable {
    let requests = Mutex<[String]>([])
    let connectionCount = Mutex(0)
    /// The addresses that it may be reached at.
    static let reach = WebhookReach(allowed: [AddressBlock("127.0.0.0/8")].compactMap(\.self))
    private let channel: any Channel
    var port: Int { channel.localAddress?.port ?? 0 }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private static let firstByteOfHandshake: UInt8 = 22

        private let answer: String
        private let closes: Bool
        private let heard: @Sendable (String) -> Void
        private var text = ""

        init(_ answer: String, closes: Bool, heard: @escaping @Sendable (String) -> Void) {
            self.answer = answer
            self.closes = closes
            self.heard = heard
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            text += String(buffer: unwrapInboundIn(data))
            // A handshake of TLS is answered, too, without being understood.
            if text.utf8.first != Self.firstByteOfHandshake {
                // All bodies of these tests end so.
                guard text.hasSuffix("\"}") else { return }
                heard(text)
            }
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: answer)), promise: nil)
            if closes { context.close(promise: nil) }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }

    private final class Box: Sendable {
        let receiver = Mutex<CannedReceiver?>(nil)
    }

    static func start(_ answer: String, closes: Bool = false) async throws -> CannedReceiver {
        let box = Box()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    box.receiver.withLock { $0 }?.connectionCount.withLock { $0 += 1 }
                    let handler = Handler(answer, closes: closes) { text in
                        box.receiver.withLock { $0 }?.requests.withLock { $0.append(text) }
                    }
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let receiver = CannedReceiver(channel)
        box.receiver.withLock { $0 = receiver }
        return receiver
    }

    private init(_ channel: any Channel) { self.channel = channel }

    func stop() async throws { try await channel.close() }
}
