import Logging
import NIOCore
import NIOPosix
import Protocol
import Synchronization

/// A connection whose peer has proved that it knows the secret.
public enum IncomingConnection: Sendable {
    /// From a client or a worker: `role` says which.
    case control(ControlConnection)
    case bulk(BulkConnection)

    /// Ends the connection at once.
    public func close() {
        switch self {
        case .control(let connection): connection.close()
        case .bulk(let connection): connection.close()
        }
    }
}

/// The master's listening socket: accepts, authenticates, and hands over one connection a task.
public final class MasterListener: Sendable {
    /// The port that the system gave when asked for port 0.
    public let localPort: Int
    private let accepting: NIOAsyncChannel<Accepted, Never>
    private let logger: Logger
    private let throttle = Mutex(RefusalThrottle())

    /// A connection whose handshake is still under way.
    private struct Accepted: Sendable {
        let channel: any Channel
        /// Of the peer, as long as the connection lives and after.
        let address: String
        let established: EventLoopFuture<FrameConnection>
    }

    private init(accepting: NIOAsyncChannel<Accepted, Never>, logger: Logger) {
        self.accepting = accepting
        self.logger = logger
        localPort = accepting.channel.localAddress?.port ?? 0
    }

    /// Opens the listening socket.
    /// - Parameters:
    ///   - host: the address to listen on, e.g. `127.0.0.1`, `0.0.0.0`, `::`.
    ///   - port: 0 lets the system choose; see `localPort`.
    ///   - software: this side's name and version, told to peers.
    /// - Throws: `TransportError` with code `cannot-bind`.
    public static func bind(
        host: String, port: Int, secret: SharedSecret, limits: TransportLimits = TransportLimits(),
        software: String = "tessera-master", logger: Logger
    ) async throws -> MasterListener {
        let register = AddressRegister(limits: limits)
        do {
            let accepting = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .serverChannelOption(.backlog, value: 1024)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .bind(host: host, port: port) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try SocketOptions.set(on: channel)
                        return try accept(
                            channel, secret: secret, limits: limits, software: software, register: register,
                            logger: logger)
                    }
                }
            return MasterListener(accepting: accepting, logger: logger)
        } catch {
            throw TransportError(
                .cannotBind,
                "cannot listen on \(Endpoint(host: host, port: port)): \(error); choose an address of this host and "
                    + "a free port")
        }
    }

    private static func accept(
        _ channel: any Channel, secret: SharedSecret, limits: TransportLimits, software: String,
        register: AddressRegister, logger: Logger
    ) throws -> Accepted {
        let address = channel.remoteAddress.map(RemoteAddress.host) ?? "unknown"
        let admission = register.connectionOpened(from: address)
        // Thrown, the error closes the channel at once, without a word.
        if admission.verdict == .dropped { throw TransportError(.tooManyConnections, "\(address) does not let up") }
        let established = channel.eventLoop.makePromise(of: FrameConnection.self)
        let machine = HandshakeMachine.master(secret: secret, software: software, nonce: Nonce.random())
        channel.closeFuture.whenComplete { _ in register.connectionClosed(admission) }
        established.futureResult.whenSuccess { _ in register.authenticated(admission) }
        try ConnectionHandler.install(
            on: channel, machine: machine, refusal: register.refusal(of: admission), limits: limits, logger: logger,
            established: established)
        return Accepted(
            channel: channel, address: channel.remoteAddress.map(RemoteAddress.text) ?? "unknown",
            established: established.futureResult)
    }

    /// Accepts until the task is cancelled; runs `serve` in a child task for each authenticated connection.
    ///
    /// The connection is closed when `serve` returns. Cancellation stops accepting, cancels every `serve`, and waits for
    /// them; a `serve` that is done with its peer says goodbye first.
    public func run(_ serve: @escaping @Sendable (IncomingConnection) async -> Void) async throws {
        try await withThrowingDiscardingTaskGroup { group in
            try await accepting.executeThenClose { inbound in
                for try await accepted in inbound {
                    group.addTask { await self.handle(accepted, serve) }
                }
            }
            group.cancelAll()
        }
    }

    private func handle(_ accepted: Accepted, _ serve: @Sendable (IncomingConnection) async -> Void) async {
        do {
            let frames = try await withTaskCancellationHandler {
                try await accepted.established.get()
            } onCancel: {
                accepted.channel.close(promise: nil)
            }
            let connection: IncomingConnection =
                frames.peer.role == .bulk ? .bulk(BulkConnection(frames)) : .control(ControlConnection(frames))
            await serve(connection)
            connection.close()
        } catch {
            guard case .log(let leftOut) = throttle.withLock({ $0.refused(at: .now()) }) else { return }
            let code = (error as? TransportError)?.code.rawValue ?? "closed"
            var metadata: Logger.Metadata = ["peer": "\(accepted.address)", "code": "\(code)", "error": "\(error)"]
            if leftOut > 0 { metadata["left-out"] = "\(leftOut)" }
            logger.notice("connection refused", metadata: metadata)
        }
    }
}
