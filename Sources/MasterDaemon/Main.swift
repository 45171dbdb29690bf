import DaemonSupport
import SystemCalls

/// tessera-master: reads its settings, then runs the master until it is told to stop.
@main
enum MasterMain {
    static func main() async {
        // Transfers pass through many threads in pieces of half a megabyte.
        ThisProcess.limitAllocatorArenas(to: 2)
        let program = DaemonMain(
            name: "tessera-master",
            summary: "Owns Tessera's durable queue: accepts jobs, leases their tasks to workers, keeps the results.",
            settings: MasterSettings.table)
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
}
