import Logging
import NIOCore
import NIOPosix
import Protocol

/// Connects to a master as a client or a worker and authenticates both sides.
/// - Parameter software: this side's name and version, told to the master.
/// - Throws: `TransportError`; its code tells refused, unreachable, wrong secret and other causes apart.
public func connectControl(
    to endpoint: Endpoint, role: ConnectionRole, secret: SharedSecret, software: String,
    limits: TransportLimits = TransportLimits(), logger: Logger
) async throws -> ControlConnection {
    precondition(role != .bulk, "a control connection is a client's or a worker's")
    return ControlConnection(
        try await connect(to: endpoint, role: role, secret: secret, software: software, limits: limits, logger: logger))
}

/// Connects to a master for the transfer of blobs and authenticates both sides.
/// - Throws: `TransportError`.
public func connectBulk(
    to endpoint: Endpoint, secret: SharedSecret, software: String, limits: TransportLimits = TransportLimits(),
    logger: Logger
) async throws -> BulkConnection {
    BulkConnection(
        try await connect(
            to: endpoint, role: .bulk, secret: secret, software: software, limits: limits, logger: logger))
}

/// Connects, waiting while the master has too many handshakes of this address under way: several workers and clients of
/// one host that start together are no attack.
private func connect(
    to endpoint: Endpoint, role: ConnectionRole, secret: SharedSecret, software: String, limits: TransportLimits,
    logger: Logger
) async throws -> FrameConnection {
    let deadline = ContinuousClock.now + limits.admission
    var backoff = Backoff(base: .milliseconds(20), maximum: .milliseconds(500))
    var random = SystemRandomNumberGenerator()
    while true {
        do {
            return try await connectOnce(
                to: endpoint, role: role, secret: secret, software: software, limits: limits, logger: logger)
        } catch let error as TransportError where error.code == .tooManyConnections && ContinuousClock.now < deadline {
            try await Task.sleep(for: backoff.next(using: &random))
        }
    }
}

private func connectOnce(
    to endpoint: Endpoint, role: ConnectionRole, secret: SharedSecret, software: String, limits: TransportLimits,
    logger: Logger
) async throws -> FrameConnection {
    let (channel, established): (any Channel, EventLoopFuture<FrameConnection>)
    do {
        (channel, established) = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(TimeAmount(limits.connect))
            .connect(host: endpoint.host, port: endpoint.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try SocketOptions.set(on: channel)
                    let established = channel.eventLoop.makePromise(of: FrameConnection.self)
                    let machine = HandshakeMachine.initiator(
                        role: role, secret: secret, software: software, nonce: Nonce.random())
                    try ConnectionHandler.install(
                        on: channel, machine: machine, limits: limits, logger: logger, established: established)
                    return (channel, established.futureResult)
                }
            }
    } catch {
        throw describe(error, connectingTo: endpoint)
    }
    return try await withTaskCancellationHandler {
        do {
            return try await established.get()
        } catch let error as TransportError {
            throw TransportError(error.code, "connecting to \(endpoint): \(error.message)")
        }
    } onCancel: {
        channel.close(promise: nil)
    }
}

private func describe(_ error: any Error, connectingTo endpoint: Endpoint) -> TransportError {
    switch error {
    case let error as NIOConnectionError:
        if !error.connectionErrors.isEmpty, error.connectionErrors.allSatisfy({ isRefusal($0.error) }) {
            return refused(endpoint)
        }
        if let first = error.connectionErrors.first {
            return TransportError(.unreachable, "cannot reach \(endpoint): \(first.error)")
        }
        let cause = (error.dnsAError ?? error.dnsAAAAError).map { ": \($0)" } ?? ""
        return TransportError(.unreachable, "the name \(endpoint.host) does not resolve to an address\(cause)")
    case _ where isRefusal(error):
        return refused(endpoint)
    default:
        return TransportError(.unreachable, "cannot reach \(endpoint): \(error)")
    }
}

private func refused(_ endpoint: Endpoint) -> TransportError {
    TransportError(.refused, "nobody listens on \(endpoint): start tessera-master there, or give its address")
}

private func isRefusal(_ error: any Error) -> Bool { (error as? IOError)?.errnoCode == ECONNREFUSED }

/// The handshake's random numbers.
enum Nonce {
    static func random() -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<HandshakeMachine.nonceByteCount).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }
}

extension ConnectionHandler {
    /// Prepares a new channel; on its event loop.
    /// - Parameter refusal: why the connection is not to be admitted; the peer is told and closed.
    static func install(
        on channel: any Channel, machine: HandshakeMachine, refusal: TransportError? = nil, limits: TransportLimits,
        logger: Logger, established: EventLoopPromise<FrameConnection>
    ) throws {
        // Small reads until the peer has proved who it is: one of these, and what of it is no whole frame yet.
        let options = channel.syncOptions
        try options?.setOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 2 << 10))
        try options?.setOption(.maxMessagesPerRead, value: 1)
        let handler = ConnectionHandler(
            machine: machine, refusal: refusal, limits: limits, eventLoop: channel.eventLoop, logger: logger,
            established: established)
        try channel.pipeline.syncOperations.addHandler(handler)
    }
}
