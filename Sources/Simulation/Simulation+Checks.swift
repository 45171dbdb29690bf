import JobModel
import Scheduler

// Checks that look into the master.

extension Simulation {
    /// The master's table of connections and the scheduler's workers are the same.
    func checkConnections(_ master: SimulatedMaster) {
        let counted = master.scheduler.counters.workersConnected
        if counted != master.workers.count {
            violate("\(master.workers.count) workers have a connection, the scheduler counts \(counted)")
        }
    }

    /// The replayed journal equals memory, as far as anyone can ask. Valid when nothing is undecided.
    func checkReplay(_ master: SimulatedMaster) {
        guard master.decision.records.isEmpty else { return }
        do {
            var replayed = try Scheduler(configuration: options.schedulerConfiguration)
            for transaction in disk.transactions {
                for record in transaction { try replayed.replay(record) }
            }
            let summaries = master.scheduler.jobs(before: nil, limit: .max)
            if replayed.jobs(before: nil, limit: .max) != summaries { violate("the replayed jobs differ from memory") }
            if replayed.deadImages(job: nil) != master.scheduler.deadImages(job: nil) {
                violate("the replayed dead letters differ from memory")
            }
            for job in summaries.map(\.description.id) {
                let images = master.scheduler.images(of: job, firstIndex: 0, limit: .max)
                if replayed.images(of: job, firstIndex: 0, limit: .max) != images {
                    violate("the replayed images of job \(job) differ from memory")
                }
            }
        } catch {
            violate("the journal can not be replayed beside the running master: \(error)")
        }
    }

    func checkEnd() {
        guard isSettled, let master else {
            let open = master?.scheduler.counters.jobsOpen ?? 0
            violate(
                "\(open) jobs have not ended \(livenessBound) after the healing; master is \(master == nil ? "down" : "up")"
            )
            return
        }
        observer.checkEnd(blobs: blobs, report: violate)
        let counters = master.scheduler.counters
        if counters.leasesRunning != 0 || counters.tasksReady != 0 {
            violate(
                "all jobs have ended, but \(counters.leasesRunning) leases and \(counters.tasksReady) tasks are left")
        }
        checkReplay(master)
    }
}
