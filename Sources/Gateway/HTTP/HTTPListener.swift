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
    /// A connection, and the departure of its peer.
    private struct Accepted: Sendable {
        let connection: Connection
        let departure: PeerDeparture
    }

    private let channel: NIOAsyncChannel<Accepted, Never>
    private let connections: ConnectionList
    private let logger: Logger

    static func bind(host: String, port: Int, limits: Limits, logger: Logger) async throws -> HTTPListener {
        let list = ConnectionList(limit: limits.connections, logger: logger)
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 512)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .bind(host: host, port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    // Before anything is made of it: a `Connection` that nobody serves ends the process.
                    guard list.insert(channel) else {
                        channel.close(promise: nil)
                        throw ConnectionList.Full()
                    }
                    var decoding = NIOHTTPDecoderLimitConfiguration()
                    decoding.maxHeaderFieldSize = limits.headerBytes
                    decoding.maxHeaderListSize = limits.headerBytes
                    decoding.maxHeaderFieldCount = 100
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.configureHTTPServerPipeline(
                        withPipeliningAssistance: false, withErrorHandling: false, withOutboundHeaderValidation: true,
                        withEncoderConfiguration: .init(), withDecoderLimitConfiguration: decoding)
                    let departure = PeerDeparture()
                    try pipeline.addHandler(ConnectionGuard(limits, departure))
                    let connection = try Connection(
                        wrappingChannelSynchronously: channel,
                        configuration: .init(
                            backPressureStrategy: .init(lowWatermark: 2, highWatermark: 8),
                            isOutboundHalfClosureEnabled: true))
                    return Accepted(connection: connection, departure: departure)
                }
            }
        guard let address = channel.channel.localAddress else { preconditionFailure("a bound socket has an address") }
        return HTTPListener(localAddress: address, channel: channel, connections: list, logger: logger)
    }

    /// Serves until `stop` is called, and then until the answers that are under way have ended.
    func run(_ responder: some HTTPResponder) async throws {
        try await withThrowingDiscardingTaskGroup { group in
            try await channel.executeThenClose { connections in
                for try await accepted in connections {
                    group.addTask {
                        await HTTPConnection(accepted.connection, accepted.departure, logger: logger).run(responder)
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
    /// There are as many as are allowed.
    struct Full: Error {}

    private struct State {
        var channels: [ObjectIdentifier: any Channel] = [:]
        /// Whether the last connection was refused: a flood is logged once.
        var isRefusing = false
    }

    private let limit: Int
    private let logger: Logger
    private let state = Mutex(State())

    init(limit: Int, logger: Logger) {
        self.limit = limit
        self.logger = logger
    }

    /// Lists a connection until it is closed.
    /// - Returns: `false` when there are too many.
    func insert(_ channel: any Channel) -> Bool {
        let id = ObjectIdentifier(channel)
        let (isListed, isNews) = state.withLock { state in
            let hasRoom = state.channels.count < limit
            defer { state.isRefusing = !hasRoom }
            if hasRoom { state.channels[id] = channel }
            return (hasRoom, !hasRoom && !state.isRefusing)
        }
        if isNews {
            logger.warning("refused a connection: there are too many", metadata: ["max-connections": "\(limit)"])
        }
        if isListed {
            channel.closeFuture.whenComplete { [self] _ in state.withLock { _ = $0.channels.removeValue(forKey: id) } }
        }
        return isListed
    }

    var all: [any Channel] { state.withLock { Array($0.channels.values) } }
}
