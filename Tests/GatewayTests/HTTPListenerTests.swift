import Logging
import NIOCore
import NIOPosix
import Testing

@testable import Gateway

/// Connections, as they come and go.
@Suite struct HTTPListenerTests {
    /// Answers everything.
    private struct Greeting: HTTPResponder {
        func respond(to request: HTTPRequest, body: HTTPRequestBody) async -> HTTPReply {
            HTTPReply(200, [:], .bytes(ByteBuffer(string: "hello")))
        }
        func answered(_ request: HTTPRequest, status: Int, byteCount: Int, after: Duration) {}
    }

    /// One request, and whether something came back before the connection ended.
    private final class Peer: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let isAnswered: EventLoopPromise<Bool>
        private init(_ isAnswered: EventLoopPromise<Bool>) { self.isAnswered = isAnswered }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) { isAnswered.succeed(true) }
        func channelInactive(context: ChannelHandlerContext) { isAnswered.succeed(false) }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

        static func request(_ address: SocketAddress) async throws -> (channel: any Channel, isAnswered: Bool) {
            let loop = MultiThreadedEventLoopGroup.singleton.next()
            let isAnswered = loop.makePromise(of: Bool.self)
            let channel = try await ClientBootstrap(group: loop).channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Peer(isAnswered))
                }
            }.connect(to: address).get()
            channel.writeAndFlush(ByteBuffer(string: "GET / HTTP/1.1\r\nHost: a\r\n\r\n"), promise: nil)
            return (channel, try await isAnswered.futureResult.get())
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `connections beyond the limit are closed, and their places are used again`() async throws {
        var limits = HTTPListener.Limits()
        limits.connections = 4
        let listener = try await HTTPListener.bind(
            host: "127.0.0.1", port: 0, limits: limits, logger: Logger(label: "test"))
        let address = listener.localAddress
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await listener.run(Greeting()) }
            for _ in 1...20 {
                var held: [any Channel] = []
                // A place is free a moment after its connection was closed.
                while held.count < limits.connections {
                    let (channel, isAnswered) = try await Peer.request(address)
                    if isAnswered { held.append(channel) }
                }
                let answered = try await withThrowingTaskGroup(of: Bool.self) { others in
                    for _ in 1...25 { others.addTask { try await Peer.request(address).isAnswered } }
                    return try await others.reduce(into: 0) { $0 += $1 ? 1 : 0 }
                }
                #expect(answered == 0)
                #expect(!held.contains { !$0.isActive })
                for channel in held { try await channel.close() }
            }
            listener.stop()
            try await group.waitForAll()
        }
    }
}
