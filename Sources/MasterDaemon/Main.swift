import Foundation
import Logging
import Observability
import ServiceLifecycle
import Settings
import Transport

/// tessera-master: reads its settings, then runs the master until it is told to stop.
@main
enum MasterMain {
    static func main() async {
        // Transfers pass through many threads in pieces of half a megabyte.
        ProcessMemory.limitArenas(to: 2)
        do {
            let settings = try await Settings(
                program: "tessera-master", version: MasterSettings.version,
                summary:
                    "Owns Tessera's durable queue: accepts jobs, leases their tasks to workers, keeps the results.",
                settings: MasterSettings.table, arguments: Array(CommandLine.arguments.dropFirst()),
                environment: ProcessInfo.processInfo.environment)
            let master = try MasterSettings(settings)
            Logs.bootstrap(level: master.logLevel)
            let logger = Logger(label: "tessera-master")
            logger.info(
                "starting",
                metadata: Logger.Metadata(
                    uniqueKeysWithValues: settings.effective.map { ($0.name, "\($0.value) (\($0.origin.rawValue))") }))
            try await run(MasterService(settings: master, logger: logger), logger)
        } catch let error as SettingsError {
            error.exit("tessera-master")
        } catch let error as TransportError where error.code == .secretFile {
            SettingsError.usage("\(error)").exit("tessera-master")
        } catch {
            FileHandle.standardError.write(Data("tessera-master: \(error)\n".utf8))
            exit(1)
        }
    }

    private static func run(_ service: MasterService, _ logger: Logger) async throws {
        var configuration = ServiceGroupConfiguration(
            services: [
                .init(
                    service: service, successTerminationBehavior: .gracefullyShutdownGroup,
                    failureTerminationBehavior: .cancelGroup)
            ], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        configuration.maximumGracefulShutdownDuration = .seconds(10)
        try await ServiceGroup(configuration: configuration).run()
    }
}
