import JobModel
import Scheduler

// Checks that look into the master.

extension Simulation {
    /// The master's table of connections and the scheduler's workers are the same.
    func checkConnections(_ master: SimulatedMaster) {
        let counted = master.machine.scheduler.counters.workersConnected
        if counted != master.machine.links.count {
            violate(
                .connections, "\(master.machine.links.count) workers have a connection, the scheduler counts \(counted)"
            )
        }
    }

    /// Nobody is declared dead whose mail arrived at the master's host without a break until a moment ago, read or not.
    ///
    /// Left out: stalls of the master that follow each other, or are shorter than it notices, so that it has not read what arrived.
    func checkDeaths(_ master: SimulatedMaster) {
        let configuration = options.schedulerConfiguration
        for worker in master.machine.workersDeclaredDead {
            guard let id = master.machine.links[worker] else { continue }
            let silence = timeline.now - network[id].lastArrival
            if silence >= configuration.deadAfter - configuration.stallTolerance { continue }
            if timeline.now - network[id].lastSilenceEnded < configuration.deadAfter || master.hadPauseBefore {
                continue
            }
            if timeline.now - master.pauseBegan <= configuration.stallTolerance + .milliseconds(100) { continue }
            violate(
                .falseDeaths,
                "\(worker) is declared dead \(silence) after it was heard, \(timeline.now - master.pauseBegan) after the "
                    + "master was stalled for \(master.pausedUntil - master.pauseBegan)")
        }
    }

    /// A worker that loses a lease is told, unless it said so itself, does not hold it, or is gone.
    func checkLosersAreTold(_ master: SimulatedMaster) {
        var told = master.settled
        var dead: Set<WorkerID> = []
        for action in master.committing?.actions ?? [] {
            switch action {
            case .revoke(let lease, _, _): told.insert(lease)
            case .workerDeclaredDead(let worker): dead.insert(worker)
            case .grant, .assemble, .jobChanged, .deleteBlob: break
            }
        }
        for (lease, worker) in observer.takeEndedLeases() where !told.contains(lease) && !dead.contains(worker) {
            guard master.machine.links[worker] != nil, master.listings[worker]?.contains(lease) != false else {
                continue
            }
            violate(.leases, "\(worker) lost lease \(lease) and is not told")
        }
    }

    /// A worker can use what it is granted: every slice is within its blob, and as long as the file says.
    func checkUsable(_ lease: LeaseID, _ spec: TaskSpec) {
        for slice in spec.inputs + [spec.value].compactMap({ $0 }) {
            // One that a power cut took is found to be gone when it is fetched.
            guard let file = files[slice.blob.digest] else { continue }
            if file.byteCount != slice.blob.byteCount || slice.offset + slice.byteCount > file.byteCount {
                violate(
                    .results,
                    "\(lease) is granted with \(slice.byteCount) bytes from \(slice.offset) of a blob of \(slice.blob.byteCount), "
                        + "whose file has \(file.byteCount)")
            }
        }
    }

    /// What was accepted has the fields and the sizes that an honest worker's result has. Which bytes they are, only an audit shows.
    func checkCompleted(_ lease: LeaseID, _ output: TaskOutput) {
        guard let spec = specs[lease], let honest = self.output(of: spec, resultRevision) else { return }
        let isRaw = content(of: spec) == nil && output.checksum == nil
        let isAsPlanned =
            (output.payload == nil) == (honest.payload == nil) && (output.summary == nil) == (honest.summary == nil)
            && (output.checksum == nil) == (honest.checksum == nil)
            && output.valueOffsets.count == honest.valueOffsets.count
            && (output.metadata == nil || honest.metadata != nil)
            && (!isRaw || !honest.valueOffsets.isEmpty || output.payload?.byteCount == honest.payload?.byteCount)
        if !isAsPlanned { violate(.results, "\(lease) was accepted with \(output) instead of \(honest)") }
        for blob in output.blobs where files[blob.digest]?.byteCount ?? blob.byteCount != blob.byteCount {
            violate(.results, "\(lease) was accepted with a blob of another size than its file")
        }
    }

    /// The replayed journal equals memory, as far as anyone can ask. Valid when nothing is undecided.
    func checkReplay(_ master: SimulatedMaster) {
        guard !master.machine.hasUncommittedRecords else { return }
        do {
            var replayed = try Scheduler(configuration: options.schedulerConfiguration)
            for transaction in disk.transactions {
                for record in transaction { try replayed.replay(record) }
            }
            let (counted, recounted) = (master.machine.scheduler.counters, replayed.counters)
            if recounted.tasksOpen - recounted.auditsWaiting != counted.tasksOpen - counted.auditsWaiting {
                violate(.replay, "the replayed work that is left differs from memory")
            }
            let summaries = master.machine.scheduler.jobs(before: nil, limit: .max)
            if replayed.jobs(before: nil, limit: .max) != summaries {
                violate(.replay, "the replayed jobs differ from memory")
            }
            if replayed.deadImages(job: nil) != master.machine.scheduler.deadImages(job: nil) {
                violate(.replay, "the replayed dead letters differ from memory")
            }
            for job in summaries.map(\.description.id) {
                let images = master.machine.scheduler.images(of: job, firstIndex: 0, limit: .max)
                if replayed.images(of: job, firstIndex: 0, limit: .max) != images {
                    violate(.replay, "the replayed images of job \(job) differ from memory")
                }
            }
        } catch {
            violate(.replay, "the journal cannot be replayed beside the running master: \(error)")
        }
    }

    func checkEnd(_ bound: Duration) {
        guard isSettled, let master else {
            let open = master?.machine.scheduler.counters.jobsOpen ?? 0
            violate(
                .liveness,
                "\(open) jobs have not ended \(bound) after the healing; master is \(master == nil ? "down" : "up")"
            )
            return
        }
        observer.checkEnd(blobs: blobs, report: violate)
        let counters = master.machine.scheduler.counters
        if counters.leasesRunning != 0 || counters.tasksReady != 0 {
            violate(
                .leases,
                "all jobs have ended, but \(counters.leasesRunning) leases and \(counters.tasksReady) tasks are left")
        }
        if counters.tasksOpen != 0 || counters.backlog != .zero {
            violate(
                .liveness,
                "all jobs have ended, but \(counters.tasksOpen) tasks of \(counters.backlog) count as work that is left"
            )
        }
        let wasRevocable = options.schedulerConfiguration.auditWindow > .seconds(3_600)
        observer.auditBook.checkEnd(
            wrong, numbers: observer.run, canBeWithdrawn: wasRevocable, report: violate)
        checkReplay(master)
    }
}
