import GatewayLogic
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// Listens for HTTP/1.1 and gives each request to a responder, one after the other on each connection.
///
/// Plain NIO instead of a web framework: of a framework only the accepting of connections would be left, since refused bodies
/// have to be cut short, 104 responses sent, and slow peers told from a slow disk (docs/decisions/0060).
struct HTTPListener: Sendable {
    typealias Connection = NIOAsyncChannel<HTTPServerRequestPart, HTTPPart<HTTPResponseHead, ByteBuffer>>

    struct Limits: Sendable {
        var connections = 1000
        /// Between requests, and until the head of the first.
        var idle: TimeAmount = .seconds(75)
        /// While the peer takes nothing of an answer.
        var stalledWrite: TimeAmount = .seconds(60)
        /// After the end of all that is to be sent.
        var linger: TimeAmount = .milliseconds(500)
        var headerBytes = 16 << 10
    }

    let localAddress: SocketAddress
    private let channel: NIOAsyncChannel<Connection, Never>
    private let connections: ConnectionList
    private let logger: Logger

    static func bind(host: String, port: Int, limits: Limits, logger: Logger) async throws -> HTTPListener {
        let list = ConnectionList(limit: limits.connections)
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 512)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .bind(host: host, port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    var decoding = NIOHTTPDecoderLimitConfiguration()
                    decoding.maxHeaderFieldSize = limits.headerBytes
                    decoding.maxHeaderListSize = limits.headerBytes
                    decoding.maxHeaderFieldCount = 100
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.configureHTTPServerPipeline(
                        withPipeliningAssistance: false, withErrorHandling: false, withOutboundHeaderValidation: true,
                        withEncoderConfiguration: .init(), withDecoderLimitConfiguration: decoding)
                    try pipeline.addHandler(ConnectionGuard(limits))
                    return try Connection(
                        wrappingChannelSynchronously: channel,
                        configuration: .init(
                            backPressureStrategy: .init(lowWatermark: 2, highWatermark: 8),
                            isOutboundHalfClosureEnabled: true))
                }
            }
        guard let address = channel.channel.localAddress else { preconditionFailure("a bound socket has an address") }
        return HTTPListener(localAddress: address, channel: channel, connections: list, logger: logger)
    }

    /// Serves until `stop` is called, and then until the answers that are under way have ended.
    func run(_ responder: some HTTPResponder) async throws {
        try await withThrowingDiscardingTaskGroup { group in
            try await channel.executeThenClose { accepted in
                for try await connection in accepted {
                    guard connections.insert(connection.channel) else {
                        logger.warning(
                            "refused a connection: there are too many",
                            metadata: ["max-connections": "\(connections.limit)"])
                        connection.channel.close(promise: nil)
                        continue
                    }
                    group.addTask {
                        await HTTPConnection(connection, logger: logger).run(responder)
                        connections.remove(connection.channel)
                    }
                }
            }
        }
    }

    /// Takes no more connections, closes those that wait for a request, and the others after their answers.
    func stop() {
        channel.channel.close(promise: nil)
        for connection in connections.all { connection.pipeline.fireUserInboundEventTriggered(ConnectionGuard.Stop()) }
    }
}

/// Answers requests.
protocol HTTPResponder: Sendable {
    func respond(to request: HTTPRequest, body: HTTPRequestBody) async -> HTTPReply
    /// An answer was sent, or the connection ended before it was.
    func answered(_ request: HTTPRequest, status: Int, byteCount: Int, after: Duration)
}

/// The open connections.
private final class ConnectionList: Sendable {
    let limit: Int
    private let channels = Mutex<[ObjectIdentifier: any Channel]>([:])

    init(limit: Int) { self.limit = limit }

    func insert(_ channel: any Channel) -> Bool {
        channels.withLock { channels in
            guard channels.count < limit else { return false }
            channels[ObjectIdentifier(channel)] = channel
            return true
        }
    }

    func remove(_ channel: any Channel) { channels.withLock { _ = $0.removeValue(forKey: ObjectIdentifier(channel)) } }

    var all: [any Channel] { channels.withLock { Array($0.values) } }
}
