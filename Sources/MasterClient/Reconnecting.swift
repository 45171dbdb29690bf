import Logging
import Protocol
import Transport

extension MasterConnection {
    /// Runs `body` with a connection; when the connection ends under it, connects again and runs it again.
    ///
    /// Between attempts it waits longer and longer, up to `patience` in all without one that lasted; then the last error
    /// is thrown. Only the loss of the master is answered so: a refusal, a wrong secret or another error of `body` ends
    /// it at once. `body` is told how many times it ran before, so that it can go on where it was.
    /// - Parameters:
    ///   - patience: how long the master may be away.
    ///   - clock: what the waiting is measured by.
    public static func reconnecting<Result: Sendable, C: Clock>(
        to endpoint: Endpoint, secret: SharedSecret, software: String = "tessera",
        limits: TransportLimits = TransportLimits(), logger: Logger, patience: Duration = .seconds(60),
        clock: C = ContinuousClock(), random: some RandomNumberGenerator & Sendable = SystemRandomNumberGenerator(),
        _ body: @escaping @Sendable (MasterConnection, _ runCount: Int) async throws -> Result
    ) async throws -> Result where C.Duration == Duration {
        var random = random
        var backoff = Backoff()
        var runCount = 0
        var deadline = clock.now.advanced(by: patience)
        while true {
            let runsBefore = runCount
            do {
                return try await withConnection(
                    to: endpoint, secret: secret, software: software, limits: limits, logger: logger
                ) { connection in
                    try await body(connection, runsBefore)
                }
            } catch let error as ConnectionClosed where error.code != .local {
                // There was a connection: the master's absence begins only now.
                runCount += 1
                backoff.reset()
                deadline = clock.now.advanced(by: patience)
                logger.info("connection to the master lost", metadata: ["error": "\(error)"])
            } catch let error as TransportError where error.isWorthARetry && clock.now < deadline {
                logger.debug("master not reached", metadata: ["error": "\(error)"])
            }
            let delay = backoff.next(using: &random)
            try await clock.sleep(until: min(deadline, clock.now.advanced(by: delay)), tolerance: nil)
        }
    }
}

extension TransportError {
    /// Whether the cause may go away by itself.
    public var isWorthARetry: Bool {
        switch code {
        case .refused, .unreachable, .closed, .handshakeTimeout, .tooManyConnections: true
        case .badEndpoint, .secretFile, .protocolViolation, .version, .badSecret, .badRole, .cannotBind, .other: false
        }
    }
}
