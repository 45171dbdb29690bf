import FoundationEssentials
import JobModel

/// What a command works with.
struct CommandContext: Sendable {
    let console: Console
    let isJSON: Bool
    private let start = ContinuousClock.now

    init(isJSON: Bool) {
        self.isJSON = isJSON
        console = Console(isJSON: isJSON)
    }

    /// The time since the command began.
    var elapsed: Duration { ContinuousClock.now - start }

    /// Milliseconds since 1970, to say how long ago something was.
    var now: UInt64 {
        UInt64(max(0, Date().timeIntervalSince1970) * 1000)
    }

    func settings(_ flags: [(name: String, value: String?)]) async throws -> ClientSettings {
        try await ClientSettings(flags: flags, environment: ProcessInfo.processInfo.environment)
    }

    /// Connects while `body` runs; SIGINT and SIGTERM cancel it.
    func withMaster<Result: Sendable>(
        _ settings: ClientSettings, _ body: @escaping @Sendable (MasterSession) async throws -> Result
    ) async throws -> Result {
        let secret = try settings.secret()
        let start = start
        let console = console
        let surroundings = MasterSession.Surroundings(
            now: { ContinuousClock.now - start }, sleep: { try await Task.sleep(for: $0) },
            note: { console.note("tessera: \($0)", code: "connection") })
        // Only the body is cancelled: an interrupted submission still needs the connection to cancel its job.
        return try await MasterSession.with(
            reconnectTimeout: settings.reconnectTimeout, surroundings: surroundings,
            dial: ConnectedMaster.dial(settings.endpoint, secret: secret, limits: settings.transport)
        ) { session in
            try await Interruption.cancelling { try await body(session) }
        }
    }

    /// Shows progress while `body` runs.
    func withProgress<Result: Sendable>(
        _ settings: ClientSettings, _ body: (ProgressReporter) async throws -> Result
    ) async throws -> Result {
        // A program that asked for JSON reads it from the data, unless a style was asked for by name.
        let style = isJSON && settings.progress == .auto ? .none : settings.progress
        let start = start
        let progress = ProgressReporter(console: console, style: style) { ContinuousClock.now - start }
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                while !Task.isCancelled {
                    try? await Task.sleep(for: .seconds(1))
                    progress.tick()
                }
            }
            defer {
                group.cancelAll()
                progress.finish()
            }
            return try await body(progress)
        }
    }
}

/// Turns an interruption into what the person needs to know: the job goes on, and how to come back to it.
func detaching<Result>(from job: JobID, _ body: () async throws -> Result) async throws -> Result {
    do {
        return try await body()
    } catch {
        guard Task.isCancelled || error is CancellationError else { throw error }
        throw ClientError(
            "interrupted",
            """
            interrupted; job \(job) goes on
              tessera watch \(job)              shows its progress again
              tessera fetch \(job) -o PATH      waits for its results
              tessera cancel \(job)             stops it
            """, status: Interruption.status)
    }
}

extension ClientError {
    init(_ interruption: SubmissionInterrupted) {
        let end =
            interruption.isJobCancelled
            ? "is cancelled"
            : "could not be cancelled, because the master did not answer: tessera cancel \(interruption.job)"
        self.init(
            "interrupted",
            "interrupted while images were still being sent: job \(interruption.job) was not complete and \(end)",
            status: Interruption.status)
    }
}
