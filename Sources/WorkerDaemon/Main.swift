import DaemonSupport

/// tessera-worker: reads its settings, then works for its master until it is told to stop.
@main
enum WorkerMain {
    static func main() async {
        let arguments = CommandLine.arguments
        if arguments.count == 3, arguments[1] == ScratchSweeper.argument { ScratchSweeper.run(arguments[2]) }
        let program = DaemonMain(
            name: "tessera-worker",
            summary: "Computes tasks for a Tessera master: each slot is a resident MPI world on this machine's cores.",
            settings: WorkerSettings.table)
        await program.run { settings in
            let worker = try WorkerSettings(settings)
            try worker.checkPrograms(settings)
            try worker.checkScratch(settings)
            return DaemonMain.Launch(
                logLevel: worker.logLevel, shutdownLimit: worker.drainTimeout + .seconds(8), hangup: .stops
            ) { logger in
                WorkerService(settings: worker, logger: logger)
            }
        }
    }
}
