import Logging
import NIOCore
import NIOPosix
import Protocol
import Retrying

/// Opens connections to one master, all of them as the same peer.
///
/// Every parameter of an outgoing connection is here, so that a new one reaches all connections of the program. Where the master
/// has several addresses, a control connection goes to the first at which there is one to talk to, beginning with the present
/// one; data connections go to the present one. All copies of a dialer share it.
public struct Dialer: Sendable {
    private let route: MasterRoute
    public let role: Peer.Role
    public let identity: Peer.Identity
    /// This side's name and version, told to the master.
    public let software: String
    public let limits: TransportLimits
    public let logger: Logger
    public let encryption: Encryption
    /// The newest secret at the time of each connection is proved.
    public let keyring: Keyring
    /// Is asked whether the master's state is one to talk to, before each connection is used.
    public let generations: any GenerationGuard

    /// The address at which the master was found last, or is looked for next.
    public var master: Endpoint { route.current }
    /// All addresses at which the master may be.
    public var masters: MasterAddresses { route.addresses }

    public init(
        to master: Endpoint, as role: Peer.Role, secret: SharedSecret, software: String = "tessera",
        encryption: Encryption = .automatic, limits: TransportLimits = TransportLimits(),
        identity: Peer.Identity = .random(), generations: any GenerationGuard = SessionGenerations(), logger: Logger
    ) {
        self.init(
            to: MasterAddresses(master), as: role, keyring: Keyring(secret), software: software, encryption: encryption,
            limits: limits, identity: identity, generations: generations, logger: logger)
    }

    public init(
        to masters: MasterAddresses, as role: Peer.Role, keyring: Keyring, software: String = "tessera",
        encryption: Encryption = .automatic, limits: TransportLimits = TransportLimits(),
        identity: Peer.Identity = .random(), generations: any GenerationGuard = SessionGenerations(), logger: Logger
    ) {
        self.generations = generations
        route = MasterRoute(masters)
        self.role = role
        self.keyring = keyring
        self.software = software
        self.encryption = encryption
        self.limits = limits
        self.identity = identity
        self.logger = logger
    }

    /// Connects and authenticates both sides; at the first address that has a master to talk to.
    /// - Throws: `TransportError`; its code tells refused, unreachable, wrong secret and other causes apart. Of several addresses
    ///   it names each, and why there is no master at it.
    public func openControlConnection() async throws -> ControlConnection {
        var failures: [TransportError] = []
        for endpoint in route.order {
            do {
                let connection = try await open(.control, at: endpoint)
                route.found(at: endpoint)
                return ControlConnection(connection)
            } catch {
                // A cancelled attempt counts, too: the next one may have no more time for an address that says nothing.
                route.failed(at: endpoint)
                try Task.checkCancellation()
                guard let failure = error as? TransportError else { throw error }
                failures.append(failure)
            }
        }
        throw TransportError.atEveryAddress(failures)
    }

    /// Connects to the master of the control connection for the transfer of blobs, and authenticates both sides.
    /// - Throws: `TransportError`.
    public func openDataConnection() async throws -> DataConnection {
        let endpoint = route.current
        return DataConnection(try await open(.data, at: endpoint), dialed: endpoint)
    }

    /// Connects, waiting while the master has too many handshakes of this address under way: several workers and clients of
    /// one host that start together are not an attack.
    private func open(_ channel: Peer.Channel, at master: Endpoint) async throws -> FrameConnection {
        let start = ContinuousClock.now
        var retries = Retries(.admission(patience: limits.admission))
        var random = SystemRandomNumberGenerator()
        while true {
            do {
                let connection = try await openOnce(
                    Peer(identity: identity, role: role, channel: channel), at: master)
                try await check(connection, at: master)
                return connection
            } catch let error as TransportError where error.code == .tooManyConnections {
                guard case .wait(let pause) = retries.failed(error, at: ContinuousClock.now - start, using: &random)
                else { throw error }
                try await Task.sleep(for: pause)
            }
        }
    }

    /// Asks whether the master's state is one to talk to. The master is told when it is not.
    private func check(_ connection: FrameConnection, at master: Endpoint) async throws {
        do {
            try await generations.check(
                connection.agreement.generation, of: master, on: connection.agreement.peer.channel)
        } catch let error as TransportError {
            connection.close(goodbye: WireRefusal(error.code.refusalCode, error.message))
            throw error
        }
    }

    /// Whether a connection is as it would be made now: by the newest secret, to the same address and a master of the same state.
    public func isCurrent(_ connection: DataConnection) -> Bool {
        connection.dialed == route.current && keyring.standing(of: connection.secret) == .newest
            && generations.isCurrent(connection.generation)
    }

    private func openOnce(_ peer: Peer, at master: Endpoint) async throws -> FrameConnection {
        let (channel, established): (any Channel, EventLoopFuture<FrameConnection>)
        do {
            (channel, established) = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(TimeAmount(limits.connect))
                .connect(host: master.host, port: master.port) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try SocketOptions.set(on: channel)
                        let established = channel.eventLoop.makePromise(of: FrameConnection.self)
                        let machine = HandshakeMachine.initiator(
                            peer, secret: keyring.secrets.newest, software: software, nonce: Nonce.random())
                        try ConnectionHandler.install(
                            on: channel, machine: machine, encryption: EncryptionHandler(.connecting(encryption)),
                            limits: limits, logger: logger, established: established)
                        return (channel, established.futureResult)
                    }
                }
        } catch {
            throw Self.describe(error, at: master)
        }
        return try await withTaskCancellationHandler {
            do {
                return try await established.get()
            } catch let error as TransportError {
                throw TransportError(error.code, "connecting to \(master): \(error.message)")
            }
        } onCancel: {
            channel.close(promise: nil)
        }
    }

    private static func describe(_ error: any Error, at master: Endpoint) -> TransportError {
        let refused = TransportError(
            .refused, "nothing is listening on \(master): start tessera-master there, or give its address")
        switch error {
        case let error as NIOConnectionError:
            if !error.connectionErrors.isEmpty, error.connectionErrors.allSatisfy({ isRefusal($0.error) }) {
                return refused
            }
            if let first = error.connectionErrors.first {
                return TransportError(.unreachable, "cannot reach \(master): \(ErrorText.of(first.error))")
            }
            return TransportError(
                .unreachable,
                "\(ErrorText.unknownHost(master.host)); check its spelling, or give the address itself, such as 192.0.2.1"
            )
        case _ where isRefusal(error):
            return refused
        default:
            return TransportError(.unreachable, "cannot reach \(master): \(ErrorText.of(error))")
        }
    }

    private static func isRefusal(_ error: any Error) -> Bool { (error as? IOError)?.errnoCode == ECONNREFUSED }
}

/// The handshake's random numbers.
enum Nonce {
    static func random() -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<HandshakeMachine.nonceByteCount).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }
}

extension ConnectionHandler {
    /// Prepares a new channel; on its event loop.
    /// - Parameter encryption: decides how the bytes travel; `nil` for a connection that is only told why it is rejected.
    /// - Parameter rejection: why the connection is not admitted, which the peer is told before it is closed; `nil` when it is.
    static func install(
        on channel: any Channel, machine: HandshakeMachine, encryption: EncryptionHandler?,
        rejection: TransportError? = nil, limits: TransportLimits, logger: Logger,
        established: EventLoopPromise<FrameConnection>
    ) throws {
        // Until the peer is authenticated, a connection holds one of these small reads and an incomplete frame at most.
        let options = channel.syncOptions
        try options?.setOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 2 << 10))
        try options?.setOption(.maxMessagesPerRead, value: 1)
        let handler = ConnectionHandler(
            machine: machine, rejection: rejection, limits: limits, eventLoop: channel.eventLoop, logger: logger,
            established: established)
        guard let encryption else { return try channel.pipeline.syncOperations.addHandler(handler) }
        try channel.pipeline.syncOperations.addHandlers(encryption, handler)
        established.futureResult.assumeIsolated().whenComplete { _ in encryption.giveSlotBack() }
    }
}
