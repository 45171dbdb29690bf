import FoundationEssentials
import Glibc
import JobModel
import LogHandlers
import Logging
import ServiceLifecycle
import Settings
import SystemCalls
import Transport

/// What a daemon's process does around its service: reads the settings, opens the log, and ends when told to.
///
/// Exit status 0 after an orderly end, 4 when the other side has another secret, 64 after a mistake in the settings, 1 otherwise.
package struct DaemonMain: Sendable {
    package let name: String
    package let summary: String
    package let settings: [Setting]

    package init(name: String, summary: String, settings: [Setting]) {
        self.name = name
        self.summary = summary
        self.settings = settings
    }

    /// What is to run.
    package struct Launch: Sendable {
        let logLevel: Logger.Level
        let shutdownLimit: Duration
        let service: @Sendable (Logger) -> any Service

        /// - Parameter shutdownLimit: how long an orderly end may take.
        package init(
            logLevel: Logger.Level, shutdownLimit: Duration, service: @escaping @Sendable (Logger) -> any Service
        ) {
            self.logLevel = logLevel
            self.shutdownLimit = shutdownLimit
            self.service = service
        }
    }

    /// Runs the service that `launch` makes of the settings, until SIGTERM, SIGINT or its end.
    package func run(_ launch: @Sendable (Settings) throws -> Launch) async {
        do {
            let settings = try Settings(
                program: name, version: Release.version, summary: summary, settings: settings,
                arguments: Array(CommandLine.arguments.dropFirst()),
                environment: ProcessInfo.processInfo.environment)
            let launch = try launch(settings)
            Logs.bootstrap(level: launch.logLevel)
            let logger = Logger(label: name)
            logger.info(
                "starting",
                metadata: Logger.Metadata(
                    uniqueKeysWithValues: settings.effective.map { ($0.name, "\($0.value) (\($0.origin.rawValue))") }))
            var configuration = ServiceGroupConfiguration(
                services: [
                    .init(
                        service: launch.service(logger), successTerminationBehavior: .gracefullyShutdownGroup,
                        failureTerminationBehavior: .cancelGroup)
                ], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
            configuration.maximumGracefulShutdownDuration = launch.shutdownLimit
            try await ServiceGroup(configuration: configuration).run()
        } catch let error as SettingsError {
            error.exit(name)
        } catch let error as TransportError where error.code == .secretFile {
            SettingsError.usage("\(error)").exit(name)
        } catch {
            StandardError.write("\(name): \(error)\n")
            exit((error as? TransportError)?.code == .badSecret ? 4 : 1)
        }
    }
}
