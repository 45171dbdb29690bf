import JobModel

extension Scheduler {
    public var counters: SchedulerCounters {
        var counters = totals
        counters.tasksReady = queue.count
        counters.leasesRunning = leases.count
        counters.tasksOpen = ledger.backlog.taskCount + audits.count
        counters.backlog = ledger.backlog.slotTime(extraCount: audits.count)
        counters.jobsOpen = ledger.totals.openJobs
        counters.jobsKept = ledger.jobs.count
        counters.imagesKept = ledger.totals.images
        counters.deadLetters = ledger.totals.deadLetters
        counters.queuedByteCount = ledger.totals.queuedByteCount
        counters.workersConnected = pool.connectedCount
        counters.auditsWaiting = audits.count
        counters.auditsDisputed = audits.disputedCount
        counters.workersQuarantined = ledger.quarantined.count
        counters.workersConnectedInQuarantine = ledger.quarantined.keys.count {
            pool[$0]?.isConnected == true && pool[$0]?.isDraining == false
        }
        counters.workersTaking = pool.takingCount
        counters.workersDraining = pool.drainingCount
        counters.workersUnready = pool.unreadyCount
        counters.slotsBusy = pool.busySlotCount
        counters.slotsIdle = pool.idleSlotCount
        return counters
    }

    /// The job that the submitter opened with the token, if it is kept.
    public func job(of opening: JobOpening) -> JobID? {
        ledger.jobsBySubmission[Submission(submitter: opening.submitter, token: opening.token)]
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
        let end = before.map { ledger.jobOrder.count(below: $0) } ?? ledger.jobOrder.count
        return ledger.jobOrder[..<end].suffix(max(0, limit)).reversed().compactMap { jobSummary($0) }
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
            geometry: entry.geometry, coding: entry.accepted?.coding ?? .standard, result: entry.result,
            resultRevision: entry.resultRevision,
            failure: entry.failure,
            tasksTotal: UInt64(entry.taskCount), tasksDone: UInt64(doneCount), isFromCache: entry.isFromCache,
            withdrawn: ledger.jobs[image.job]?.withdrawn[image.index]?.digest,
            replaced: ledger.jobs[image.job]?.replaced[image.index], remarks: entry.remarks)
    }

    /// What `Assembly.run` names: it grows when the image starts over.
    public func run(of image: ImageID) -> AttemptNumber? { ledger.image(image)?.attemptFloor }

    /// The images from position `firstIndex` on, at most `limit`.
    public func images(of job: JobID, firstIndex: UInt32, limit: Int) -> [ImageStatus] {
        let count = ledger.jobs[job]?.images.count ?? 0
        let range = min(Int(firstIndex), count)..<min(Int(firstIndex) + max(0, limit), count)
        return range.compactMap { imageStatus(ImageID(job: job, index: UInt32($0))) }
    }

    /// Workers that are connected, expected, or gone not long ago, by identifier.
    ///
    /// - Parameters:
    ///   - after: the worker behind which the list begins; `nil` for the first.
    ///   - limit: workers in the list, at most.
    public func workers(at now: Moment, after: WorkerID? = nil, limit: Int = .max) -> [WorkerStatus] {
        let now = max(latest, now.instant - stalledTime)
        let all = Array(pool.workers.values) + quarantinedStrangers(at: now)
        let listed = all.filter { worker in after.map { $0 < worker.id } ?? true }.sorted { $0.id < $1.id }
        return listed.prefix(max(0, limit)).map { worker in
            let quarantine = ledger.quarantined[worker.id]
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
                id: worker.id, name: worker.name, state: quarantine == nil ? state : .quarantined,
                unreadyReason: worker.unreadyReason, slotCount: worker.slotCount,
                ranksPerSlot: worker.ranksPerSlot, slotMemoryByteCount: worker.slotMemoryByteCount,
                leasesHeld: worker.leases.count, tasksDone: worker.tasksDone,
                attemptsLost: worker.attemptsLost, attemptsFailed: worker.attemptsFailed,
                residentBytes: worker.residentBytes, connectedFor: now - worker.connectedSince,
                silentFor: now - lastHeard, quarantinedBy: quarantine?.evidence)
        }
    }

    /// Quarantined workers that this run of the master has not seen.
    private func quarantinedStrangers(at now: Instant) -> [WorkerState] {
        ledger.quarantined.compactMap { worker, quarantine in
            guard pool[worker] == nil else { return nil }
            return WorkerState(
                id: worker, name: quarantine.name, slotCount: 0, ranksPerSlot: 0, link: .gone(since: now),
                connectedSince: now)
        }
    }

    /// Whether the blob must be kept: ask right before deleting one, and for each blob in the store after a restart.
    public func isNeeded(_ blob: BlobDigest) -> Bool { ledger.blobs.isNeeded(blob) }
}
