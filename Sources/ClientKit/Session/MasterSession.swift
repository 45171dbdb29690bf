import JobModel
import MasterClient
import Retrying
import Transport

/// One command's connection to its master. It outlives the master's restarts: what was under way is asked again.
///
/// Requests are such that asking twice does no harm: a job is opened by its token, blobs are named by their content,
/// images are added at a position.
///
///     connecting --ok--> connected --lost--> reconnecting --ok--> connected
///         |                                      |
///         +--failed: over                        +--reconnect timeout: over
actor MasterSession {
    /// Connects, runs `body` on the connection and closes it.
    typealias Dial = @Sendable (_ body: @Sendable (any MasterService) async -> Void) async throws -> Void

    /// What the session needs of the world around it.
    struct Surroundings: Sendable {
        /// The time on any clock that only goes forward.
        var now: @Sendable () -> Duration
        /// Waits; throws when the task is cancelled.
        var sleep: @Sendable (Duration) async throws -> Void
        /// Tells whoever waits about an outage, in one sentence.
        var note: @Sendable (String) -> Void
    }

    private let dial: Dial
    private let reconnectTimeout: Duration
    private let surroundings: Surroundings

    private var connection: Connection?
    /// Counts connections, so that a loss is noticed once by however many requests it hits.
    private var connectionCount = 0
    private var waiters: [AsyncThrowingStream<Connection, any Error>.Continuation] = []
    private var outage: Outage?
    /// Why there will be no connection any more.
    private var end: (any Error)?
    private var hasToldOverload = false

    private struct Connection: Sendable {
        let master: any MasterService
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

    /// Begins to connect, and runs `body` meanwhile: its first request waits for the connection.
    static func with<Result: Sendable>(
        reconnectTimeout: Duration, surroundings: Surroundings, dial: @escaping Dial,
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
    /// - Parameter operation: gets the master and how often it has been tried before.
    /// - Throws: what `operation` throws, unless it is a lost connection or a refusal that names a time to come back;
    ///   `ClientError` with the status `.unreachable` once the master has been away for the reconnect timeout.
    func perform<Result: Sendable>(
        _ operation: @Sendable (_ master: any MasterService, _ retry: Int) async throws -> Result
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

    /// Runs `operation`, for which it does not matter how often it was tried before.
    func perform<Result: Sendable>(
        _ operation: @Sendable (any MasterService) async throws -> Result
    ) async throws -> Result {
        try await perform { master, _ in try await operation(master) }
    }

    /// What is tried again, how long.
    private var policy: RetryPolicy { .session(patience: reconnectTimeout, wasConnected: connectionCount > 0) }

    /// Whether `error` means that the master cannot be reached now, but perhaps soon.
    static func isLoss(_ error: any Error) -> Bool {
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
    private func serve(_ master: any MasterService) async {
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
        surroundings.note("\(reason); trying again for up to \(Units.duration(reconnectTimeout))")
    }

    /// The master answered; said by operations that go on after their first answer, and by `perform` of all others.
    ///
    /// Only an answer ends an outage: a master that accepts connections and drops them is still away.
    func answered() {
        guard let outage else { return }
        self.outage = nil
        surroundings.note("the master is back after \(Units.duration(surroundings.now() - outage.since)); going on")
    }

    private func tellOverload(_ refusal: MasterRefusal) {
        guard !hasToldOverload else { return }
        hasToldOverload = true
        surroundings.note("the master asks to wait (\(refusal.code)): \(refusal.message); waiting as long as it takes")
    }

    private func gaveUp(_ outage: Outage) -> ClientError {
        ClientError(
            "unreachable",
            "the master has not been reachable for \(Units.duration(reconnectTimeout)): \(outage.reason); what it has "
                + "accepted is kept and goes on when it is back (--reconnect-timeout sets how long to try)",
            status: .unreachable)
    }
}
