import JobModel
import SeededFaults

// Granting leases, and what happens when an attempt ends without a result.

extension Scheduler {
    /// Gives ready tasks to workers with room, the least loaded first. When no task is ready, idle slots help out.
    mutating func fillSlots(at now: Moment, into decision: inout Decision) {
        var delayedCount = 0
        grantUrgentAudits(at: now, into: &decision)
        while delayedCount < Self.maximumDelayedPlacements, pool.leastLoaded() != nil,
            !storage.isExhausted(at: now.instant)
        {
            guard let key = popReadyTask() else {
                grantAuditsToIdleSlots(at: now, into: &decision)
                moveStagedLeases(at: now, into: &decision)
                break
            }
            if audits.leaveLine(key) {
                placeAudit(key, at: now, into: &decision)
                if audits.isUrgent(key) { delayedCount += 1 }
                continue
            }
            switch place(key) {
            case .on(let worker):
                if findsRoom(key, at: now, into: &decision) {
                    grant(key, to: worker, at: now, into: &decision)
                } else {
                    delayedCount += 1
                    if !seeded(.roomReturnsUnnoticed) { waitForRoom(key, at: now) }
                }
            case .later:
                delayedCount += 1
                placementDelays[key, default: 0] += 1
                delay(key, until: now.instant + Self.placementDelay)
            case .nowhere(let need, let have):
                makeFit(key.image, need: need, have: have, at: now, into: &decision)
            }
        }
        setStragglerAlarm(at: now)
    }

    /// When this many tasks in a row have to wait for other workers, the rest of the queue is not considered in this event.
    private static var maximumDelayedPlacements: Int { 64 }

    private mutating func popReadyTask() -> TaskKey? {
        // A local copy of the reference, because `queue` is being changed.
        let ledger = ledger
        return queue.popFirst { image in
            guard let state = ledger.state(of: image) else {
                preconditionFailure("the queue has a task of image \(image), which the job does not have")
            }
            return state == .waiting
        }
    }

    /// Records the attempt, then grants the lease.
    ///
    /// - Parameter isPaid: whether the submitter's share pays for it; not for a second copy that nobody asked for.
    mutating func grant(
        _ key: TaskKey, to worker: WorkerID, isPaid: Bool = true, at now: Moment, into decision: inout Decision
    ) {
        let id = ledger.nextLease(key)
        commit(.attemptStarted(id, worker: worker), into: &decision)
        let pixels = ledger.pixelCount(of: key)
        addLease(id, key, by: worker, isStarted: false, progressTimeout: progressTimeout(pixels: pixels), at: now)
        if isPaid { queue.charge(key.job, pixels: pixels) }
        totals.leasesGranted += 1
        placementDelays[key] = nil
        if !putOff.isEmpty { putOff.remove(key.image) }
        decision.actions.append(.grant(id, taskSpec(key, id.task), to: worker))
        decision.noteChange(of: key.job)
    }

    /// The worker holds the lease from now on.
    mutating func addLease(
        _ id: LeaseID, _ key: TaskKey, by worker: WorkerID, isStarted: Bool, isAudit: Bool = false,
        progressTimeout: Duration, at now: Moment
    ) {
        let getsSlot = isStarted || pool[worker]?.hasFreeSlot == true
        leases[id] = Lease(
            id: id, key: key, worker: worker, grantedAt: now.instant, startedAt: getsSlot ? now.instant : nil,
            deadline: now.instant + configuration.leaseDuration, progressTimeout: progressTimeout,
            kind: TaskKind(id.task.step), storageByteCount: storageByteCount(of: key))
        leases[id]?.isAudit = isAudit
        storage.promise(leases[id]?.storageByteCount ?? 0)
        pool.update(worker) { $0.leases.append(id) }
        leasesByAge.append(id)
        if leasesByAge.count > 2 * leases.count + 64 { leasesByAge.removeAll { leases[$0] == nil } }
    }

    /// The worker no longer holds the lease; the next staged one gets its slot.
    ///
    /// - Parameter stored: what was stored of its result.
    @discardableResult
    mutating func removeLease(_ id: LeaseID, stored: UInt64 = 0, at now: Moment) -> Lease? {
        guard let lease = leases.removeValue(forKey: id) else { return nil }
        storage.release(lease.storageByteCount, stored: stored)
        pool.update(lease.worker) { worker in worker.leases.removeAll { $0 == id } }
        if let worker = pool[lease.worker] {
            for next in worker.leases.prefix(worker.slotCount) where leases[next]?.startedAt == nil {
                leases[next]?.startedAt = now.instant
                leases[next]?.progressAt = now.instant
            }
        }
        return lease
    }

    /// The attempt ended without a result: the task is tried again, or its image ends here.
    mutating func attemptEnded(_ id: LeaseID, _ failure: Failure, at now: Moment, into decision: inout Decision) {
        guard let lease = removeLease(id, at: now) else { return }
        pool.update(lease.worker) { worker in
            switch failure.cause.tally {
            case .lost: worker.attemptsLost += 1
            case .failed: worker.attemptsFailed += 1
            case nil: break
            }
        }
        commit(.attemptEnded(id, worker: lease.worker, failure: failure), into: &decision)
        decision.noteChange(of: lease.key.job)

        if lease.isAudit {
            auditAttemptEnded(lease, failure, at: now, into: &decision)
            return
        }
        let charge = failure.cause.charge
        guard seeded(.corruptInputRetried, .failure, else: charge) != .final else {
            imageFailed(lease.key.image, failure, deadLettered: false, at: now, into: &decision)
            return
        }
        let task = ledger.taskProgress(lease.key)
        var maximumAttempts = max(1, ledger.jobs[lease.key.job]?.description.options.maximumAttempts ?? 1)
        maximumAttempts = seeded(.deadLetteredLate, maximumAttempts + 1, else: maximumAttempts)
        if task.failedAttempts >= maximumAttempts || task.workerLosses >= configuration.maximumWorkerLosses {
            imageFailed(lease.key.image, failure, deadLettered: true, at: now, into: &decision)
        } else if ledger.isReady(lease.key) {
            let pause = backoff(after: charge, lease.key, task, isDraining: pool[lease.worker]?.isDraining == true)
            requeue(lease.key, after: pause, at: now)
        }
    }

    private mutating func requeue(_ key: TaskKey, after pause: Duration, at now: Moment) {
        if pause > .zero { delay(key, until: now.instant + pause) } else { queue.push(key) }
    }

    mutating func delay(_ key: TaskKey, until due: Instant) {
        delayed[key] = due
        alarms.set(.task(key), at: due)
    }

    /// How long a task waits for its next attempt: not at all when it lost its first worker, or a draining one returned it for
    /// the first time; else longer and longer.
    private func backoff(
        after charge: FailureCause.Charge, _ key: TaskKey, _ task: TaskProgress, isDraining: Bool
    ) -> Duration {
        if charge == .free {
            let returns = returns[key, default: 1]
            if isDraining && returns == 1 || seeded(.returnNotPaced) { return .zero }
            return pause(afterFailures: returns)
        }
        if charge == .loss && task.workerLosses == 1 { return .zero }
        return pause(afterFailures: Int(task.failedAttempts + task.workerLosses))
    }

    /// The pause after that many failures in a row.
    private func pause(afterFailures count: Int) -> Duration {
        min(configuration.firstBackoff * (1 << (min(max(count, 1), 32) - 1)), configuration.longestBackoff)
    }

    // MARK: Leases that are given back

    /// How often a task may be given back before that counts as a failed attempt: more workers than that are rarely drained one
    /// after the other in the life of one task.
    private static var freeReturns: Int { 16 }

    /// A worker gave the task back: what its attempt ended with. A worker that is not draining gets nothing for a while: it
    /// would give that back, too.
    mutating func returned(_ key: TaskKey, by worker: WorkerID, at now: Moment) -> Failure {
        let count = returns[key, default: 0] + 1
        returns[key] = count
        if pool[worker]?.isDraining == false, !seeded(.returnNotPaced) { rest(worker, at: now) }
        guard count > Self.freeReturns, !seeded(.returnNotPaced) else {
            return Failure(.returned, "the worker gave the lease back")
        }
        return Failure(
            .workerError,
            "the task was given back \(count) times; after \(Self.freeReturns) this counts as a failed attempt")
    }

    private mutating func rest(_ worker: WorkerID, at now: Moment) {
        pool.update(worker) { $0.returnsInARow += 1 }
        let until = now.instant + pause(afterFailures: pool[worker]?.returnsInARow ?? 1)
        pool.update(worker) { $0.restsUntil = until }
        setAlarm(for: worker, at: until)
    }

    /// Takes the lease back from its holder.
    mutating func revoke(_ id: LeaseID, _ reason: RevocationReason, at now: Moment, into decision: inout Decision) {
        guard let lease = removeLease(id, at: now) else { return }
        if pool[lease.worker]?.isConnected == true {
            decision.actions.append(.revoke(id, from: lease.worker, reason))
        }
    }

    /// Ends everything that runs or waits for the image.
    mutating func withdraw(_ image: ImageID, _ reason: RevocationReason, at now: Moment, into decision: inout Decision)
    {
        for id in ledger.openLeases(of: image) { revoke(id, reason, at: now, into: &decision) }
        for task in 0..<max(1, ledger.taskCount(ofRunning: image)) {
            forgetWaiting(TaskKey(image, UInt32(task)))
            if !returns.isEmpty { returns[TaskKey(image, UInt32(task))] = nil }
        }
        endAssembly(of: image, stored: 0)
    }

    /// Ends the waiting of the task, in the queue or for a delay to end.
    mutating func forgetWaiting(_ key: TaskKey) {
        queue.remove(key)
        audits.remove(key)
        delayed[key] = nil
        placementDelays[key] = nil
    }

    // MARK: Overdue leases

    /// When the lease will have run out, or been without progress for too long.
    func overdue(_ lease: Lease) -> Instant {
        guard lease.startedAt != nil else { return lease.deadline }
        return min(lease.deadline, lease.progressAt + lease.progressTimeout + configuration.deadAfter)
    }

    /// The worker's leases that ran out, or made no progress for too long, end.
    mutating func endOverdueLeases(of worker: WorkerID, at now: Moment, into decision: inout Decision) {
        for id in pool[worker]?.leases ?? [] {
            guard let lease = leases[id], now.instant >= overdue(lease) else { continue }
            decision.actions.append(.revoke(id, from: worker, .expired))
            let failure =
                now.instant >= lease.deadline
                ? Failure(.workerLost, "no heartbeat has listed the lease for \(configuration.leaseDuration)")
                : Failure(
                    .hung, "the attempt made no progress for \((now.instant - lease.progressAt).components.seconds) s")
            attemptEnded(id, failure, at: now, into: &decision)
        }
    }
}
