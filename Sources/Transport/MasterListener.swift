import JobModel
import Logging
import NIOCore
import NIOPosix
import Protocol
import Synchronization
import TLS

/// A connection whose peer has proved that it knows the secret.
public enum IncomingConnection: Sendable {
    case control(ControlConnection)
    case data(DataConnection)

    /// The side that opened the connection.
    public var peer: Peer {
        switch self {
        case .control(let connection): connection.peer
        case .data(let connection): connection.peer
        }
    }

    /// The secret that both sides have proved.
    public var secret: SharedSecret {
        switch self {
        case .control(let connection): connection.secret
        case .data(let connection): connection.secret
        }
    }

    /// The peer's name and version as it says; a label, never a reason to trust it.
    public var software: String {
        switch self {
        case .control(let connection): connection.software
        case .data(let connection): connection.software
        }
    }

    /// The peer's address and port, for logs and listings.
    public var remoteAddress: String {
        switch self {
        case .control(let connection): connection.remoteAddress
        case .data(let connection): connection.remoteAddress
        }
    }

    /// Tells the peer why, then ends the connection.
    public func close(_ refusal: WireRefusal) {
        switch self {
        case .control(let connection): connection.close(refusal)
        case .data(let connection): connection.close(refusal)
        }
    }

    /// Ends the connection at once.
    public func close() {
        switch self {
        case .control(let connection): connection.close()
        case .data(let connection): connection.close()
        }
    }
}

/// What every incoming connection gets: the counterpart of `Dialer`.
public struct Acceptor: Sendable {
    /// The secrets that peers may prove.
    public let keyring: Keyring
    public let encryption: Encryption
    /// This side's name and version, told to peers.
    public let software: String
    public let limits: TransportLimits
    public let logger: Logger
    /// Counts the connections of the listener.
    public let count: ConnectionCount
    /// Knows the connections of the listener.
    public let roster: ConnectionRoster
    /// The generation of the master's state, which peers are told.
    public let generation: Generation?

    public init(
        secret: SharedSecret, encryption: Encryption = .automatic, limits: TransportLimits = TransportLimits(),
        logger: Logger
    ) {
        self.init(keyring: Keyring(secret), encryption: encryption, limits: limits, logger: logger)
    }

    public init(
        keyring: Keyring, encryption: Encryption = .automatic, software: String = "tessera-master",
        generation: Generation? = nil, limits: TransportLimits = TransportLimits(),
        logger: Logger, count: ConnectionCount = ConnectionCount(), roster: ConnectionRoster = ConnectionRoster()
    ) {
        self.keyring = keyring
        self.generation = generation
        self.roster = roster
        self.encryption = encryption
        self.software = software
        self.limits = limits
        self.logger = logger
        self.count = count
    }
}

/// The master's listening socket: accepts, authenticates, and hands over one connection per task.
public final class MasterListener: Sendable {
    /// The port that the system gave when asked for port 0.
    public let localPort: Int
    /// The address that the socket is bound to, as the system has it: of a name, one of its addresses.
    public let localAddress: String
    private let accepting: NIOAsyncChannel<Accepted, Never>
    private let logger: Logger
    private let count: ConnectionCount
    private let roster: ConnectionRoster
    private let keyring: Keyring
    private let throttle = Mutex(RefusalThrottle())
    private let replacements = Mutex(RefusalThrottle())

    /// A connection whose handshake is still under way.
    private struct Accepted: Sendable {
        let channel: any Channel
        /// The peer's address, valid after the end of the connection too.
        let address: String
        let established: EventLoopFuture<FrameConnection>
    }

    /// What decides, for all connections of a listener, whether one is taken, and how.
    private struct Admission: Sendable {
        let register: AddressRegister
        let slots: HandshakeSlots
        let tls: TLSContext
    }

    private init(accepting: NIOAsyncChannel<Accepted, Never>, acceptor: Acceptor) {
        self.accepting = accepting
        logger = acceptor.logger
        count = acceptor.count
        roster = acceptor.roster
        keyring = acceptor.keyring
        localPort = accepting.channel.localAddress?.port ?? 0
        localAddress = accepting.channel.localAddress.map(RemoteAddress.text) ?? "unknown"
    }

    /// Opens the listening socket.
    /// - Parameters:
    ///   - address: the host is an address of this machine, e.g. `127.0.0.1`, `0.0.0.0`, `::`, or `*` for every address of
    ///     every family; port 0 lets the system choose, see `localPort`.
    ///   - acceptor: what incoming connections get.
    /// - Throws: `TransportError` with code `cannot-bind`, or `bad-endpoint` for a name that does not resolve.
    public static func bind(to address: Endpoint, _ acceptor: Acceptor) async throws -> MasterListener {
        let admission = Admission(
            register: AddressRegister(limits: acceptor.limits),
            slots: HandshakeSlots(limit: acceptor.limits.encryptedHandshakes), tls: try TLSContexts.forAccepting())
        do {
            guard address.host == Endpoint.everyAddress else {
                return try await bind(host: address.host, port: address.port, acceptor, admission)
            }
            do {
                return try await bind(host: "::", port: address.port, acceptor, admission)
            } catch let error as IOError where error.errnoCode == EAFNOSUPPORT || error.errnoCode == EADDRNOTAVAIL {
                // A machine without IPv6.
                return try await bind(host: "0.0.0.0", port: address.port, acceptor, admission)
            }
        } catch {
            throw cannotBind(address, error)
        }
    }

    private static func bind(
        host: String, port: Int, _ acceptor: Acceptor, _ admission: Admission
    ) async throws -> MasterListener {
        var bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        if host == "::" {
            // Both families, whatever the machine's default for such sockets (net.ipv6.bindv6only).
            bootstrap = bootstrap.serverChannelOption(
                ChannelOptions.Types.SocketOption(level: .ipv6, name: .ipv6_v6only), value: 0)
        }
        let accepting = try await bootstrap.bind(host: host, port: port) { channel in
            channel.eventLoop.makeCompletedFuture {
                try SocketOptions.set(on: channel)
                return try accept(channel, acceptor, admission)
            }
        }
        return MasterListener(accepting: accepting, acceptor: acceptor)
    }

    private static func cannotBind(_ address: Endpoint, _ error: any Error) -> TransportError {
        if let unknown = error as? SocketAddressError.UnknownHost {
            return TransportError(
                .badEndpoint,
                "cannot listen on \(address): \(ErrorText.unknownHost(unknown.host)); check its spelling, or give an address "
                    + "of this machine, such as 127.0.0.1, or 0.0.0.0 for all that it has")
        }
        let remedy =
            switch (error as? IOError)?.errnoCode {
            case EADDRINUSE: "another program listens there; stop it, or choose another port"
            case EADDRNOTAVAIL: "this machine has no such address; 0.0.0.0 means all that it has"
            case EACCES: "ports below 1024 are the system's; choose a higher one"
            default: "choose an address of this machine and a free port"
            }
        return TransportError(.cannotBind, "cannot listen on \(address): \(ErrorText.of(error)): \(remedy)")
    }

    private static func accept(
        _ channel: any Channel, _ acceptor: Acceptor, _ listener: Admission
    ) throws -> Accepted {
        let register = listener.register
        let address = channel.remoteAddress.map(RemoteAddress.host) ?? "unknown"
        let admission = register.connectionOpened(from: address)
        // Thrown, the error closes the channel at once, without a word.
        if admission.verdict == .dropped { throw TransportError(.tooManyConnections, "\(address) does not let up") }
        let established = channel.eventLoop.makePromise(of: FrameConnection.self)
        let machine = HandshakeMachine.master(
            secrets: acceptor.keyring.secrets, software: acceptor.software, generation: acceptor.generation,
            nonce: Nonce.random())
        channel.closeFuture.whenComplete { _ in register.connectionClosed(admission) }
        established.futureResult.whenSuccess { _ in register.authenticated(admission) }
        let rejection = register.rejection(of: admission)
        let encryption =
            rejection == nil
            ? EncryptionHandler(.accepting(acceptor.encryption, listener.tls, listener.slots)) : nil
        try ConnectionHandler.install(
            on: channel, machine: machine, encryption: encryption, rejection: rejection, limits: acceptor.limits,
            logger: acceptor.logger, established: established)
        return Accepted(
            channel: channel, address: channel.remoteAddress.map(RemoteAddress.text) ?? "unknown",
            established: established.futureResult)
    }

    /// Accepts until the task is cancelled; runs `serve` in a child task for each authenticated connection.
    ///
    /// The connection is closed when `serve` returns. Cancellation stops accepting, cancels every `serve`, and waits for them.
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

    /// A peer that knows a later state than this master's has said so, and left.
    private func tellOfReplacement(_ end: ConnectionClosed, _ address: String) {
        guard end.refusalCode == .replacedMaster,
            case .log(let leftOut) = replacements.withLock({ $0.refused(at: .now()) })
        else { return }
        var metadata: Logger.Metadata = ["peer": "\(address)", "reason": "\(end.message)"]
        if leftOut > 0 { metadata["left-out"] = "\(leftOut)" }
        logger.error(
            "a peer has met a master that was restored from a backup of this one's state: stop this master",
            metadata: metadata)
    }

    private func handle(_ accepted: Accepted, _ serve: @Sendable (IncomingConnection) async -> Void) async {
        do {
            let frames = try await withTaskCancellationHandler {
                try await accepted.established.get()
            } onCancel: {
                accepted.channel.close(promise: nil)
            }
            let connection: IncomingConnection =
                switch frames.peer.channel {
                case .control: .control(ControlConnection(frames))
                case .data: .data(DataConnection(frames))
                }
            count.accepted()
            let entry = roster.joined(connection)
            // The secret may have been retired during the handshake, before the roster knew the connection.
            if keyring.standing(of: connection.secret) == .retired { connection.close(.secretRetired) }
            await serve(connection)
            roster.left(entry, wasFormer: keyring.standing(of: connection.secret) == .former)
            count.ended()
            connection.close()
            tellOfReplacement(await frames.closed, accepted.address)
        } catch {
            count.refused()
            guard case .log(let leftOut) = throttle.withLock({ $0.refused(at: .now()) }) else { return }
            let code = (error as? TransportError)?.code.rawValue ?? "closed"
            var metadata: Logger.Metadata = [
                "peer": "\(accepted.address)", "code": "\(code)", "error": "\(ErrorText.of(error))",
            ]
            if leftOut > 0 { metadata["left-out"] = "\(leftOut)" }
            logger.notice("connection refused", metadata: metadata)
        }
    }
}
