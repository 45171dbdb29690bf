import Foundation
import Logging
import Observability
import ServiceLifecycle
import Settings
import Transport

/// tessera-worker: reads its settings, then works for its master until it is told to stop.
@main
enum WorkerMain {
    static func main() async {
        do {
            let settings = try await Settings(
                program: "tessera-worker", version: WorkerSettings.version,
                summary:
                    "Computes tasks for a Tessera master: each slot is a resident MPI world on this machine's cores.",
                settings: WorkerSettings.table, arguments: Array(CommandLine.arguments.dropFirst()),
                environment: ProcessInfo.processInfo.environment)
            let worker = try WorkerSettings(settings)
            Logs.bootstrap(level: worker.logLevel)
            let logger = Logger(label: "tessera-worker")
            logger.info(
                "starting",
                metadata: Logger.Metadata(
                    uniqueKeysWithValues: settings.effective.map { ($0.name, "\($0.value) (\($0.origin.rawValue))") }))
            try await run(WorkerService(settings: worker, logger: logger), drain: worker.drainTimeout, logger)
        } catch let error as SettingsError {
            error.exit("tessera-worker")
        } catch let error as TransportError where error.code == .secretFile {
            SettingsError.usage("\(error)").exit("tessera-worker")
        } catch {
            FileHandle.standardError.write(Data("tessera-worker: \(error)\n".utf8))
            exit((error as? TransportError)?.code == .badSecret ? 4 : 1)
        }
    }

    private static func run(_ service: WorkerService, drain: Duration, _ logger: Logger) async throws {
        var configuration = ServiceGroupConfiguration(
            services: [
                .init(
                    service: service, successTerminationBehavior: .gracefullyShutdownGroup,
                    failureTerminationBehavior: .cancelGroup)
            ], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        configuration.maximumGracefulShutdownDuration = drain + .seconds(8)
        try await ServiceGroup(configuration: configuration).run()
    }
}
