import JobModel

extension Scheduler {
    public var counters: SchedulerCounters {
        var counters = totals
        counters.tasksReady = queue.count
        counters.leasesRunning = leases.count
        counters.jobsOpen = ledger.totals.openJobs
        counters.deadLetters = ledger.totals.deadLetters
        counters.queuedByteCount = ledger.totals.queuedByteCount
        counters.workersConnected = pool.connectedCount
        counters.workersTaking = pool.takingCount
        counters.workersDraining = pool.drainingCount
        counters.workersUnready = pool.unreadyCount
        return counters
    }

    public func jobSummary(_ job: JobID) -> JobSummary? {
        ledger.jobs[job].map { entry in
            JobSummary(
                description: entry.description, state: entry.state, isSealed: entry.isSealed,
                finishedAt: entry.finishedAt, counts: entry.counts)
        }
    }

    /// Newest first, at most `limit`; older than `before`, if given.
    public func jobs(before: JobID?, limit: Int) -> [JobSummary] {
        let older = before.map { bound in ledger.jobOrder.prefix { $0 < bound } } ?? ledger.jobOrder[...]
        return older.suffix(max(0, limit)).reversed().compactMap { jobSummary($0) }
    }

    public func imageStatus(_ image: ImageID) -> ImageStatus? {
        guard let entry = ledger.image(image) else { return nil }
        let doneCount: Int
        switch entry.state {
        case .done: doneCount = Int(entry.taskCount)
        case .running: doneCount = ledger.progress(of: image)?.doneCount ?? 0
        case .waiting, .failed, .deadLettered, .cancelled: doneCount = 0
        }
        return ImageStatus(
            id: image, name: entry.description.name, state: entry.state, input: entry.description.input,
            geometry: entry.geometry, result: entry.result, resultRevision: entry.resultRevision,
            failure: entry.failure,
            tasksTotal: UInt64(entry.taskCount), tasksDone: UInt64(doneCount), isFromCache: entry.isFromCache,
            remarks: entry.remarks)
    }

    /// The images from position `firstIndex` on, at most `limit`.
    public func images(of job: JobID, firstIndex: UInt32, limit: Int) -> [ImageStatus] {
        let count = ledger.jobs[job]?.images.count ?? 0
        let range = min(Int(firstIndex), count)..<min(Int(firstIndex) + max(0, limit), count)
        return range.compactMap { imageStatus(ImageID(job: job, index: UInt32($0))) }
    }

    /// All workers that are connected, expected, or gone not long ago, by identifier.
    public func workers(at now: Moment) -> [WorkerStatus] {
        let now = max(latest, now.instant - stalledTime)
        return pool.workers.values.sorted { $0.id < $1.id }.map { worker in
            let state: WorkerStatus.State
            let lastHeard: Instant
            switch worker.link {
            case .connected(let heard):
                state = worker.isDraining ? .draining : worker.unreadyReason == nil ? .alive : .notReady
                lastHeard = heard
            case .suspect(let heard): (state, lastHeard) = (.suspect, heard)
            case .expected: (state, lastHeard) = (.suspect, worker.connectedSince)
            case .gone(let since): (state, lastHeard) = (.gone, since)
            }
            return WorkerStatus(
                id: worker.id, name: worker.name, state: state, unreadyReason: worker.unreadyReason,
                slotCount: worker.slotCount, ranksPerSlot: worker.ranksPerSlot,
                slotMemoryByteCount: worker.slotMemoryByteCount,
                leasesHeld: worker.leases.count, tasksDone: worker.tasksDone,
                attemptsLost: worker.attemptsLost, attemptsFailed: worker.attemptsFailed,
                residentBytes: worker.residentBytes, connectedFor: now - worker.connectedSince,
                silentFor: now - lastHeard)
        }
    }

    /// Whether the blob must be kept: ask right before deleting one, and for each blob in the store after a restart.
    public func isNeeded(_ blob: BlobDigest) -> Bool { ledger.blobs.isNeeded(blob) }
}
