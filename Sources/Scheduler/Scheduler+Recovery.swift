import JobModel
import SeededFaults

extension Scheduler {
    /// All records are replayed: the master serves from now on.
    ///
    /// The leases of attempts that have not ended may still be running: each waits for its holder to register again, for the
    /// length of a lease and `reconnectGrace`.
    public mutating func recovered(at now: Moment, into decision: inout Decision) {
        let now = clockRead(now)
        nextWorker = seeded(
            .workerIdentifiersReused, WorkerID(1), else: max(nextWorker, WorkerID(ledger.latestWorker.rawValue + 1)))
        recoveredAt = ledger.jobOrder.isEmpty ? nil : now.instant
        awaitSettlingOfAll(at: now)
        let unfinished = ledger.jobOrder.filter { ledger.jobs[$0]?.state.isFinal == false }
        for job in seeded(.recoveryForgotten, [], else: unfinished) {
            recover(job, at: now, into: &decision)
        }
        finishEvent(at: now, into: &decision)
    }

    private mutating func recover(_ job: JobID, at now: Moment, into decision: inout Decision) {
        if !seeded(.oldWorkKept) { revise(job, into: &decision) }
        guard let entry = ledger.jobs[job] else { return }
        let touched = entry.images.lastIndex { $0.state != .waiting || $0.attemptFloor > 0 }
        let cursor = touched.map { $0 + 1 } ?? 0
        queue.open(entry.description, lane: lane(of: job), cursor: UInt32(cursor))
        queue.add(unstarted: entry.images.count - cursor, to: job)
        queue.reserve(entry.progress.values.reduce(0) { $0 + $1.tasks.count - $1.doneCount }, for: job)
        for (index, image) in entry.images.prefix(cursor).enumerated() {
            let id = ImageID(job: job, index: UInt32(index))
            switch image.state {
            case .waiting: queue.push(TaskKey(id, 0))
            case .running: recover(id, at: now, into: &decision)
            case .done, .failed, .deadLettered, .cancelled: break
            }
        }
        finishIfComplete(job, at: now, into: &decision)
    }

    /// The job continues with this release's results.
    mutating func revise(_ job: JobID, into decision: inout Decision) {
        let revision = configuration.resultRevision
        guard let entry = ledger.jobs[job], entry.resultRevision != revision else { return }
        commit(.jobRevised(job, resultRevision: revision), into: &decision)
    }

    private mutating func recover(_ image: ImageID, at now: Moment, into decision: inout Decision) {
        guard let progress = ledger.progress(of: image) else { return }
        for task in 0..<UInt32(progress.tasks.count) {
            let isAudit = progress.audits[task] != nil
            guard isAudit || !progress.tasks[Int(task)].isDone else { continue }
            let key = TaskKey(image, task)
            if progress.isReady(task) { queue.push(key) }
            if isAudit, progress.open[task] == nil { awaitAudit(key, at: now) }
            guard let open = progress.open[task] else { continue }
            let id = TaskID(image: image, step: progress.plan.step(Int(task)))
            for attempt in seeded(.runningAttemptsForgotten, [], else: open.all) {
                expect(attempt.worker, at: now)
                addLease(
                    LeaseID(task: id, attempt: attempt.number), key, by: attempt.worker, isStarted: true,
                    isAudit: isAudit,
                    progressTimeout: progressTimeout(pixels: progress.plan.pixelCount(of: Int(task))), at: now)
            }
        }
        if !seeded(.assemblyNotResumed) { completeIfSettled(image, at: now, into: &decision) }
    }

    /// The worker held leases when the master stopped.
    private mutating func expect(_ worker: WorkerID, at now: Moment) {
        guard pool[worker] == nil else { return }
        let until = now.instant + configuration.leaseDuration + configuration.reconnectGrace
        pool.insert(
            WorkerState(
                id: worker, name: worker.description, slotCount: 1, ranksPerSlot: 1, link: .expected(until: until),
                connectedSince: now.instant))
        if !seeded(.missingWorkerAwaited) { setAlarm(for: worker, at: until) }
    }
}
