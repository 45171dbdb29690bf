import DaemonSupport
import Glibc
import JobModel
import Settings
import SystemCalls
import Transport

/// tessera-master: reads its settings, then runs the master until it is told to stop; or backs up and restores its state.
@main
enum MasterMain {
    private static let summary = """
        Owns Tessera's durable queue: accepts jobs, leases their tasks to workers, keeps the results.

        \(StateCommand.summary)
        """

    static func main() async {
        // Transfers pass through many threads in pieces of half a megabyte.
        ThisProcess.limitAllocatorArenas(to: 2)
        let program = DaemonMain(
            name: "tessera-master",
            summary: summary, settings: MasterSettings.table)
        runCommand(program)
        await program.run { settings in
            let master = try MasterSettings(settings)
            try master.checkStateDirectory(settings)
            // Whatever a start has done so far, the next one does again.
            return DaemonMain.Launch(
                logLevel: master.logLevel, shutdownLimit: .seconds(10), hangup: .continues, isStartAbandoned: true
            ) { logger in
                MasterService(settings: master, logger: logger)
            }
        }
    }

    /// Runs the command of the command line, if it has one, and ends the process: with status 0, 64 after a mistake in the command
    /// line, else 1.
    private static func runCommand(_ program: DaemonMain) {
        do {
            guard let (command, flags) = try StateCommand.parse(ThisProcess.arguments) else { return }
            let settings = try program.readSettings(flags)
            let (said, warning) = try command.run(stateDirectory: try settings.requiredText("state-dir"))
            print(said)
            if let warning { StandardError.write("tessera-master: \(warning)\n") }
            exit(fflush(nil) == 0 ? 0 : 1)
        } catch let error as SettingsError {
            error.exit(program.name)
        } catch {
            StandardError.write("tessera-master: \(ErrorText.of(error))\n")
            exit(1)
        }
    }
}
