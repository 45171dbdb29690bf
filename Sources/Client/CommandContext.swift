import FoundationEssentials
import JobModel
import ClientKit
import SystemCalls

/// The surroundings of a command: its console, clock and connection.
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
        try await ClientSettings(flags: flags, environment: ThisProcess.variables)
    }

    /// Connects while `body` runs; a signal cancels it.
    func withMaster<Result: Sendable>(
        _ settings: ClientSettings, _ body: @escaping @Sendable (MasterSession) async throws -> Result
    ) async throws -> Result {
        let console = console
        let surroundings = MasterSession.Surroundings(
            observe: { console.notice($0.text, code: "connection") })
        do {
            // Only the body is cancelled: an interrupted submission still needs the connection to cancel its job.
            return try await MasterSession.with(
                settings.masters, secret: settings.secret(), software: "tessera \(Tessera.version)",
                encryption: settings.encryption, limits: settings.transport,
                reconnectTimeout: settings.reconnectTimeout,
                surroundings: surroundings
            ) { session in
                try await Interruption.cancelling { try await body(session) }
            }
        } catch {
            let told = ClientError(reporting: error)
            guard let advice = settings.masterOrigin.advice,
                ["connection-refused", "unreachable", "secret-file"].contains(told.code)
            else { throw error }
            throw ClientError(told.code, "\(told.message); \(advice)", kind: told.kind)
        }
    }

    /// Shows progress while `body` runs, and says when the job waits for workers.
    func withProgress<Result: Sendable>(
        _ settings: ClientSettings, of session: MasterSession, _ body: (ProgressReporter) async throws -> Result
    ) async throws -> Result {
        // A program that asked for JSON reads it from the data, unless a style was asked for by name.
        let style = isJSON && settings.progress == .auto ? .none : settings.progress
        let start = start
        let progress = ProgressReporter(console: console, style: style) { ContinuousClock.now - start }
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                while true {
                    try await Task.sleep(for: .seconds(1))
                    progress.tick()
                }
            }
            group.addTask {
                await tellAttendance(session, settings) { progress.isWaiting }
            }
            defer {
                group.cancelAll()
                progress.finish()
            }
            return try await body(progress)
        }
    }

    /// Says when no worker takes work, within three seconds, until the task is cancelled.
    /// - Parameter isWaiting: whether the command waits for a job, and has seen no progress since it was asked before.
    func tellAttendance(
        _ session: MasterSession, _ settings: ClientSettings, isWaiting: @Sendable () -> Bool
    ) async {
        var attendance = WorkerAttendance(master: "\(settings.masters)")
        do {
            while true {
                try await Task.sleep(for: .seconds(1))
                guard isWaiting() else { continue }
                let workers = try await session.perform { try await $0.masterStatus() }.workers
                try Task.checkCancellation()
                if let line = attendance.note(workers) { console.notice(line, code: "no-worker") }
            }
        } catch {
            // Cancelled, or the end of the session, which is told where it matters.
        }
    }

    /// Whether a command says what it has done, beside its data: to people who watch, and where that was asked for.
    func tellsSuccess(_ settings: ClientSettings) -> Bool {
        guard !isJSON else { return false }
        return switch settings.progress {
        case .auto: console.terminalWidth != nil
        case .bar, .plain: true
        case .none: false
        }
    }
}
