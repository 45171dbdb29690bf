import Glibc
import JobModel
import LogHandlers
import Logging
import Names
import Settings
import SystemCalls
import Transport

/// The main function of a daemon: reads the settings, starts the log, and runs the service until a signal ends it.
///
/// Exit status 0 when it was told to stop, 4 when the peer has another secret, 64 after a mistake in the settings, else 1.
/// (A signal that arrives in the first milliseconds, before there is a handler, ends the process itself: 143 to a shell.)
package struct DaemonMain: Sendable {
    package let name: String
    package let summary: String
    package let settings: [Setting]

    package init(name: String, summary: String, settings: [Setting]) {
        self.name = name
        self.summary = summary
        self.settings = settings
    }

    /// The service to run, made from validated settings.
    package struct Launch: Sendable {
        let logLevel: Logger.Level
        let shutdownLimit: Duration
        let hangup: Hangup
        let isStartAbandoned: Bool
        let service: @Sendable (Logger) -> any Service

        /// What the daemon does when its terminal closes. SIGHUP says so; where the terminal is still there, or never was, the
        /// signal tells the daemon to read its files again.
        package enum Hangup: Sendable {
            /// It stops as for SIGTERM, unless SIGHUP was ignored when it started (`nohup`).
            case stops
            /// It continues.
            case continues
        }

        /// - Parameters:
        ///   - shutdownLimit: the time that a graceful shutdown may take.
        ///   - isStartAbandoned: whether the process just ends when it is told to stop before it serves; else the service ends
        ///     its start itself.
        package init(
            logLevel: Logger.Level, shutdownLimit: Duration, hangup: Hangup, isStartAbandoned: Bool = false,
            service: @escaping @Sendable (Logger) -> any Service
        ) {
            self.logLevel = logLevel
            self.shutdownLimit = shutdownLimit
            self.hangup = hangup
            self.isStartAbandoned = isStartAbandoned
            self.service = service
        }
    }

    /// Runs the service that `launch` makes from the settings, until SIGTERM, SIGINT, for some the end of their terminal, or its
    /// own end.
    package func run(_ launch: @escaping @Sendable (Settings) throws -> Launch) async {
        ThisProcess.occupyStandardStreams()
        // Nobody has to read what a daemon says.
        ThisProcess.ignoreBrokenPipes()
        do {
            let read: @Sendable () throws -> Settings = { [self] in try readSettings(ThisProcess.arguments) }
            let settings = try read()
            let first = try launch(settings)
            Logs.bootstrap(level: first.logLevel)
            let logger = Logger(label: name)
            logger.info(
                "starting",
                metadata: Self.metadata(settings.changed).merging(["version": "\(Release.version)"]) { $1 })
            logger.debug("all settings", metadata: Self.metadata(settings.effective))
            onReload { Self.readLogLevel(logger) { try launch(read()).logLevel } }
            try await Self.run(first, logger)
        } catch let error as SettingsError {
            error.exit(name)
        } catch let error as TransportError where error.code == .secretFile {
            SettingsError.usage(error.message).exit(name)
        } catch {
            StandardError.write("\(name): \(ErrorText.of(error))\n")
            exit((error as? TransportError)?.code == .badSecret ? 4 : 1)
        }
    }

    /// Reads the settings of a command line, of the environment and of the file that they name.
    package func readSettings(_ arguments: [String]) throws(SettingsError) -> Settings {
        try Settings(
            program: name, version: Release.version, summary: summary, settings: settings,
            arguments: Self.requireText(arguments), environment: Self.requireText(ThisProcess.variables))
    }

    /// Takes over the log level of the settings as they are now; of all settings the only one that may change.
    private static func readLogLevel(_ logger: Logger, _ read: () throws -> Logger.Level) {
        do {
            let level = try read()
            guard level != Logs.level else { return }
            Logs.level = level
            logger.notice(
                "the settings were read again: the log level has changed", metadata: ["log-level": "\(level)"])
        } catch {
            logger.error(
                "the settings cannot be read again; the log level stays as it was",
                metadata: ["reason": "\(ErrorText.of(error))"])
        }
    }

    private static func metadata(
        _ settings: [(name: String, value: String, origin: SettingOrigin)]
    ) -> Logger.Metadata {
        Logger.Metadata(uniqueKeysWithValues: settings.map { ($0.name, "\($0.value) (\($0.origin.rawValue))") })
    }

    /// A daemon's paths are text: one that is not is refused here, before a directory of another name is made.
    private static func requireText(_ arguments: [String]) throws(SettingsError) -> [String] {
        for argument in arguments where !NameText.isUTF8(argument) {
            throw .usage(
                "the argument '\(ShownText.of(argument))' is not UTF-8; give the path another name, or a link to it")
        }
        return arguments
    }

    private static func requireText(_ variables: [String: String]) throws(SettingsError) -> [String: String] {
        for (name, value) in variables where name.utf8.starts(with: "TESSERA_".utf8) && !NameText.isUTF8(value) {
            throw .usage("the value of \(name), '\(ShownText.of(value))', is not UTF-8")
        }
        return variables
    }

    /// Why the process ends with an error although it was told to stop.
    private struct NotStoppedInTime: Error, CustomStringConvertible {
        let limit: Duration
        var description: String { "not stopped within \(limit) after being told to" }
    }

    /// Runs the service to its end, and cancels it when that comes later than its limit after the order to stop.
    private static func run(_ launch: Launch, _ logger: Logger) async throws {
        switch launch.hangup {
        case .stops where ThisProcess.ignores(SIGHUP): break
        case .stops:
            let hadTerminal = Terminal.isThere
            ReloadOrder.current.give(at: SIGHUP) {
                guard hadTerminal, !Terminal.isThere else { return false }
                ShutdownOrder.current.give()
                return true
            }
        case .continues:
            let hadTerminal = Terminal.isThere
            ReloadOrder.current.give(at: SIGHUP) { hadTerminal && !Terminal.isThere }
        }
        ShutdownOrder.current.give(at: [SIGTERM, SIGINT]) {
            if launch.isStartAbandoned, !ServiceNotifier.hasServed.load(ordering: .acquiring) {
                logger.info("told to stop before it served")
                _exit(0)
            }
        }
        let service = launch.service(logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            group.addTask { try await service.run() }
            group.addTask {
                try await gracefulShutdown()
                logger.info("told to stop")
                try await Task.sleep(for: launch.shutdownLimit)
                throw NotStoppedInTime(limit: launch.shutdownLimit)
            }
            try await group.next()
        }
    }
}
