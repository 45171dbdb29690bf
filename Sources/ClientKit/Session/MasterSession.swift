import JobModel
import Logging
public import MasterClient
import Retrying
public import Transport

/// A client's connection to its master, made again whenever it is lost: requests that were under way are repeated.
///
/// Repeating a request does no harm: a job is opened by its token, blobs are named by their content, images are added at
/// a position. At the first connection a master that does not listen is an error; later it has the reconnect timeout to
/// come back. A refusal that names a retry time is obeyed, without a limit.
///
///     connecting --ok--> connected --lost--> reconnecting --ok--> connected
///         |                                      |
///         +--failed: over                        +--reconnect timeout: over
///
/// Any number of tasks can use a session at once.
public actor MasterSession {
    /// Connects, runs `body` on the connection and closes it.
    public typealias Dial = @Sendable (_ body: @Sendable (any MasterAPI) async -> Void) async throws -> Void

    /// Time and an observer: what a session needs besides its connection.
    public struct Surroundings: Sendable {
        /// The time on any clock that only goes forward.
        public var now: @Sendable () -> Duration
        /// Waits; throws when the task is cancelled.
        public var sleep: @Sendable (Duration) async throws -> Void
        /// Is told of outages.
        public var observe: @Sendable (SessionEvent) -> Void

        /// By default the system's clock.
        public init(
            now: (@Sendable () -> Duration)? = nil,
            sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) },
            observe: @escaping @Sendable (SessionEvent) -> Void = { _ in }
        ) {
            let start = ContinuousClock.now
            self.now = now ?? { ContinuousClock.now - start }
            self.sleep = sleep
            self.observe = observe
        }
    }

    private let dial: Dial
    private let reconnectTimeout: Duration
    private let surroundings: Surroundings

    private var connection: Connection?
    /// Counts connections, so that a loss that many requests notice is handled once.
    private var connectionCount = 0
    private var waiters: [AsyncThrowingStream<Connection, any Error>.Continuation] = []
    private var outage: Outage?
    /// The reason why there will be no further connection.
    private var end: (any Error)?
    private var hasToldOverload = false

    private struct Connection: Sendable {
        let master: any MasterAPI
        let number: Int
        /// Finished when a request found the connection lost.
        let loss: AsyncStream<Never>.Continuation
    }

    private struct Outage {
        let since: Duration
        let reason: String
        var retries: Retries
    }

    private init(reconnectTimeout: Duration, surroundings: Surroundings, dial: @escaping Dial) {
        self.reconnectTimeout = reconnectTimeout
        self.surroundings = surroundings
        self.dial = dial
    }

    /// Opens a session with the master at one of the addresses for as long as `body` runs.
    ///
    /// - Parameters:
    ///   - software: the client's name and version, which the master logs.
    ///   - encryption: which connections are encrypted.
    ///   - reconnectTimeout: the longest time for which a lost master is tried again.
    /// - Throws: what `body` throws; of the requests that it makes, see `perform`.
    public static func with<Result: Sendable>(
        _ masters: MasterAddresses, secret: SharedSecret, software: String, encryption: Encryption = .automatic,
        limits: TransportLimits = TransportLimits(),
        reconnectTimeout: Duration = .seconds(60), surroundings: Surroundings = Surroundings(),
        _ body: @Sendable (MasterSession) async throws -> Result
    ) async throws -> Result {
        try await with(
            masters, keyring: Keyring(secret), software: software, encryption: encryption, limits: limits,
            reconnectTimeout: reconnectTimeout, surroundings: surroundings, body)
    }

    /// Opens a session with the master at one address for as long as `body` runs.
    public static func with<Result: Sendable>(
        _ endpoint: Endpoint, secret: SharedSecret, software: String, encryption: Encryption = .automatic,
        limits: TransportLimits = TransportLimits(),
        reconnectTimeout: Duration = .seconds(60), surroundings: Surroundings = Surroundings(),
        _ body: @Sendable (MasterSession) async throws -> Result
    ) async throws -> Result {
        try await with(
            MasterAddresses(endpoint), secret: secret, software: software, encryption: encryption, limits: limits,
            reconnectTimeout: reconnectTimeout, surroundings: surroundings, body)
    }

    /// Opens a session whose secret may change: then it connects again by the new one, and requests that were under way are
    /// repeated.
    public static func with<Result: Sendable>(
        _ masters: MasterAddresses, keyring: Keyring, software: String, encryption: Encryption = .automatic,
        limits: TransportLimits = TransportLimits(),
        reconnectTimeout: Duration = .seconds(60), surroundings: Surroundings = Surroundings(),
        _ body: @Sendable (MasterSession) async throws -> Result
    ) async throws -> Result {
        let dialer = Dialer(
            to: masters, as: .client, keyring: keyring, software: software, encryption: encryption, limits: limits,
            logger: Logger(label: "tessera") { _ in SwiftLogNoOpLogHandler() })
        return try await with(dialer, reconnectTimeout: reconnectTimeout, surroundings: surroundings, body)
    }

    /// Opens a session over connections that `dialer` makes. Sessions that follow one another with the same dialer know which
    /// masters the earlier ones have met.
    public static func with<Result: Sendable>(
        _ dialer: Dialer, reconnectTimeout: Duration = .seconds(60), surroundings: Surroundings = Surroundings(),
        _ body: @Sendable (MasterSession) async throws -> Result
    ) async throws -> Result {
        try await with(
            reconnectTimeout: reconnectTimeout, surroundings: surroundings,
            dial: { serve in
                try await MasterConnection.withConnection(dialer) { connection in await serve(connection) }
            }, body)
    }

    /// Opens a session over connections that `dial` makes for as long as `body` runs.
    ///
    /// `body` starts at once; its first request waits for the connection.
    public static func with<Result: Sendable>(
        reconnectTimeout: Duration, surroundings: Surroundings = Surroundings(), dial: @escaping Dial,
        _ body: @Sendable (MasterSession) async throws -> Result
    ) async throws -> Result {
        let session = MasterSession(reconnectTimeout: reconnectTimeout, surroundings: surroundings, dial: dial)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await session.keepConnected() }
            defer { group.cancelAll() }
            return try await body(session)
        }
    }

    // MARK: Requests

    /// Runs `operation` on the connection, again after each reconnect until it goes through.
    ///
    /// - Parameter operation: gets the master and the number of times it was tried before.
    /// - Throws: what `operation` throws, unless it is a lost connection or a refusal that names a retry time;
    ///   `MasterUnreachable` once the master has been away for the reconnect timeout.
    public func perform<Result: Sendable>(
        _ operation: @Sendable (_ master: any MasterAPI, _ retry: Int) async throws -> Result
    ) async throws -> Result {
        var retry = 0
        while true {
            try Task.checkCancellation()
            let connection = try await connected()
            do {
                let result = try await operation(connection.master, retry)
                answered()
                return result
            } catch let refusal as MasterRefusal {
                answered()
                var random = SystemRandomNumberGenerator()
                let verdict = policy.verdict(
                    on: refusal.persistence, retryAfter: refusal.retryAfter, attempt: 0, elapsed: .zero, using: &random)
                guard case .wait(let pause) = verdict else { throw refusal }
                tellOverload(refusal)
                try await surroundings.sleep(pause)
            } catch  where Self.isLoss(error) || isAfterLoss(error, connection) {
                lost(connection, error)
            }
            retry += 1
        }
    }

    /// Runs `operation` on the connection, again after each reconnect until it goes through.
    public func perform<Result: Sendable>(
        _ operation: @Sendable (any MasterAPI) async throws -> Result
    ) async throws -> Result {
        try await perform { master, _ in try await operation(master) }
    }

    /// What is tried again, how long.
    private var policy: RetryPolicy { .session(patience: reconnectTimeout, wasConnected: connectionCount > 0) }

    /// Whether `error` means that the master cannot be reached now, but perhaps soon.
    private static func isLoss(_ error: any Error) -> Bool {
        RetryPolicy.session(patience: nil, wasConnected: true).retried.contains(Persistence(of: error))
    }

    /// Whether the connection was closed under this request because another one had found it lost.
    private func isAfterLoss(_ error: any Error, _ used: Connection) -> Bool {
        (error as? ConnectionClosed)?.code == .local && connection?.number != used.number
    }

    private func connected() async throws -> Connection {
        if let connection { return connection }
        if let end { throw end }
        let (stream, continuation) = AsyncThrowingStream.makeStream(of: Connection.self)
        waiters.append(continuation)
        for try await connection in stream { return connection }
        // The stream ends without an element only by cancellation.
        throw CancellationError()
    }

    // MARK: Connecting

    private func keepConnected() async {
        do {
            while true {
                try await waitOut()
                do {
                    try await dial { master in await self.serve(master) }
                } catch  where policy.retried.contains(Persistence(of: error)) {
                    began(outageBecauseOf: error)
                }
                try Task.checkCancellation()
            }
        } catch {
            end = error
            for waiter in waiters { waiter.finish(throwing: error) }
            waiters = []
        }
    }

    /// Lets the requests use `master` until one of them finds it lost.
    private func serve(_ master: any MasterAPI) async {
        let (losses, loss) = AsyncStream.makeStream(of: Never.self)
        connectionCount += 1
        let connection = Connection(master: master, number: connectionCount, loss: loss)
        self.connection = connection
        for waiter in waiters { waiter.yield(connection) }
        waiters = []
        for await _ in losses {}
        if self.connection?.number == connection.number { self.connection = nil }
    }

    /// During an outage, waits until the next attempt is due.
    private func waitOut() async throws {
        guard var outage else { return }
        var random = SystemRandomNumberGenerator()
        let verdict = outage.retries.failed(.passing, at: surroundings.now(), using: &random)
        guard case .wait(let pause) = verdict else { throw gaveUp(outage) }
        self.outage = outage
        try await surroundings.sleep(pause)
    }

    private func lost(_ lost: Connection, _ error: any Error) {
        lost.loss.finish()
        guard connection?.number == lost.number else { return }
        connection = nil
        began(outageBecauseOf: error)
    }

    private func began(outageBecauseOf error: any Error) {
        guard outage == nil else { return }
        let reason = ClientError(error).message
        outage = Outage(since: surroundings.now(), reason: reason, retries: Retries(policy))
        surroundings.observe(.lost(reason: reason, reconnectTimeout: reconnectTimeout))
    }

    /// Ends an outage: the master answered a request.
    ///
    /// Only an answer does: a master that accepts connections and drops them is still away.
    private func answered() {
        guard let outage else { return }
        self.outage = nil
        surroundings.observe(.recovered(after: surroundings.now() - outage.since))
    }

    private func tellOverload(_ refusal: MasterRefusal) {
        guard !hasToldOverload else { return }
        hasToldOverload = true
        surroundings.observe(.askedToWait(refusal))
    }

    private func gaveUp(_ outage: Outage) -> MasterUnreachable {
        MasterUnreachable(reason: outage.reason, reconnectTimeout: reconnectTimeout)
    }
}

/// An outage of the master, as a session tells it.
public enum SessionEvent: Sendable, Hashable {
    /// The connection is lost; the session tries again for up to the timeout.
    case lost(reason: String, reconnectTimeout: Duration)
    /// The master answered again, this long after the loss.
    case recovered(after: Duration)
    /// The master is overloaded and asked to come back later, which is obeyed. Told once per session.
    case askedToWait(MasterRefusal)
}

/// A lost master did not come back within the reconnect timeout. Jobs that it had accepted are kept, and continue when it
/// is back.
public struct MasterUnreachable: Error, Hashable {
    /// How the connection was lost, for a person.
    public let reason: String
    public let reconnectTimeout: Duration

    public init(reason: String, reconnectTimeout: Duration) {
        self.reason = reason
        self.reconnectTimeout = reconnectTimeout
    }
}
