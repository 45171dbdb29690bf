import ClientKit
import GatewayLogic
import JobModel
import Logging
import MasterClient
import Synchronization
import SystemCalls
import Transport

/// The gateway's connection to the master, made again for as long as the gateway runs.
///
/// A request while the master is away fails within seconds, so that a page can say so; work that has to get through waits with
/// `untilReachable`.
final class MasterLink: Sendable {
    /// A master that did not answer for that long is away.
    private static let patience: Duration = .milliseconds(1500)
    private static let probeInterval: Duration = .seconds(1)

    private struct State {
        var session: MasterSession?
        var reason = "the first connection is not made yet"
        /// The time of the last answer.
        var heardAt: ContinuousClock.Instant?
        var status: MasterStatus?
    }

    private let state = Mutex(State())
    /// Makes the connections of all sessions: it knows which masters were replaced by restored ones.
    private let dialer: Dialer
    private let logger: Logger
    /// Is told when the master's state changed, or it went away.
    let changes: AsyncStream<Void>
    private let change: AsyncStream<Void>.Continuation

    init(settings: GatewaySettings, keyring: Keyring, logger: Logger) {
        dialer = Dialer(
            to: settings.master, as: .client, keyring: keyring, software: GatewaySettings.software,
            encryption: settings.encryption, logger: logger)
        self.logger = logger
        (changes, change) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// What is known of the master.
    var known: (isReachable: Bool, reason: String, heardAgo: Duration?, status: MasterStatus?) {
        state.withLock { state in
            (state.session != nil, state.reason, state.heardAt.map { ContinuousClock.now - $0 }, state.status)
        }
    }

    /// Keeps the connection until cancelled.
    /// - Throws: when the master has another secret: no retry helps.
    func run() async throws {
        while !Task.isCancelled {
            do {
                try await MasterSession.with(dialer, reconnectTimeout: Self.patience) { session in
                    try await self.probe(session)
                }
            } catch let error as TransportError where error.code == .badSecret {
                throw error
            } catch {
                lost(error)
            }
            try? await Task.sleep(for: .milliseconds(500))
        }
    }

    /// Asks the master how it is, once a second, until it does not answer.
    private func probe(_ session: MasterSession) async throws {
        while true {
            let status = try await Self.within(Self.patience * 2) {
                try await session.perform { try await $0.masterStatus() }
            }
            state.withLock { state in
                if state.session == nil {
                    logger.info("the master answers", metadata: ["software": "\(status.software)"])
                }
                state.session = session
                state.heardAt = .now
                state.status = status
            }
            change.yield()
            try await Task.sleep(for: Self.probeInterval)
        }
    }

    private func lost(_ error: any Error) {
        let reason = ClientError(error).message
        let wasReachable = state.withLock { state in
            defer { (state.session, state.reason) = (nil, reason) }
            return state.session != nil || state.reason != reason
        }
        if wasReachable { logger.warning("the master does not answer", metadata: ["reason": "\(reason)"]) }
        change.yield()
    }

    /// Makes a request.
    /// - Throws: `Problem`.
    func perform<Result: Sendable>(
        _ operation: @escaping @Sendable (any MasterAPI) async throws -> Result
    ) async throws -> Result {
        try await with { session in try await Self.within(.seconds(30)) { try await session.perform(operation) } }
    }

    /// Uses the session for something longer than a request.
    /// - Throws: `Problem`.
    func with<Result: Sendable>(_ body: @Sendable (MasterSession) async throws -> Result) async throws -> Result {
        let (session, reason) = state.withLock { ($0.session, $0.reason) }
        guard let session else { throw Problem.masterUnreachable(reason) }
        do {
            return try await body(session)
        } catch {
            throw Self.problem(error)
        }
    }

    /// Returns when the master is reachable, or the task is cancelled.
    func untilReachable() async {
        while !Task.isCancelled {
            let isReachable = state.withLock { $0.session != nil }
            if isReachable { return }
            try? await Task.sleep(for: .milliseconds(200))
        }
    }

    /// - Throws: `MasterUnreachable` when `body` takes longer.
    private static func within<Result: Sendable>(
        _ limit: Duration, _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        try await withThrowingTaskGroup(of: Result.self) { group in
            group.addTask { try await body() }
            group.addTask {
                try await Task.sleep(for: limit)
                throw MasterUnreachable(reason: "no answer within \(limit)", reconnectTimeout: limit)
            }
            defer { group.cancelAll() }
            guard let result = try await group.next() else { preconditionFailure("there are two tasks") }
            return result
        }
    }

    // MARK: Errors

    /// What a client of the API is told of an error of the master.
    static func problem(_ error: any Error) -> any Error {
        switch error {
        case is Problem, is CancellationError: return error
        case let refusal as MasterRefusal: return problem(refusal)
        default:
            let described = ClientError(error)
            if described.kind == .unreachable || error is BlobTransferError {
                return Problem.masterUnreachable(described.message)
            }
            return described.code == "internal" ? error : problem(described)
        }
    }

    private static func problem(_ error: ClientError) -> Problem {
        error.code == "not-found" ? .notFound(error.message) : Problem(422, error.code, error.message)
    }

    private static func problem(_ refusal: MasterRefusal) -> Problem {
        let code = refusal.code.rawValue
        var problem =
            switch code {
            case "not-found": Problem.notFound(refusal.message)
            case "overloaded", "no-space": Problem(503, "overloaded", refusal.message)
            case "wrong-state", "job-sealed": Problem.wrongState(refusal.message)
            default: Problem(422, code, refusal.message)
            }
        if let pause = refusal.retryAfter {
            let seconds = max(1, Int((pause / .seconds(1)).rounded(.up)))
            problem = problem.with("Retry-After", "\(seconds)")
        }
        return problem
    }
}
