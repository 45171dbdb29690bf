import JobModel
import SeededFaults

// Which workers are there, and which leases they hold.

extension Scheduler {
    /// A worker has connected, for the first time or again.
    ///
    /// One that comes back keeps what is still its own: leases it never lost, and those whose task nobody else was given
    /// since. A connection that the worker had before is over; its `workerDisconnected` must not be reported any more.
    public mutating func workerRegistered(
        _ registration: WorkerRegistration, at now: Moment, into decision: inout Decision
    ) throws(SchedulerRefusal) -> RegistrationReply {
        let now = clockRead(now)
        let isOfThisRelease = registration.resultRevision == configuration.resultRevision
        guard seeded(.otherReleaseAdmitted, true, else: isOfThisRelease) else {
            throw .releaseDiffers(worker: registration.resultRevision, master: configuration.resultRevision)
        }
        guard (1...configuration.maximumSlotsPerWorker).contains(registration.slotCount) else {
            throw .invalidArgument(
                "the worker offers \(registration.slotCount) slots; allowed are 1 to "
                    + "\(configuration.maximumSlotsPerWorker) (--max-slots-per-worker of the master)")
        }
        guard (1...SchedulerConfiguration.mostRanksPerSlot).contains(registration.ranksPerSlot) else {
            throw .invalidArgument(
                "the worker offers \(registration.ranksPerSlot) ranks per slot; allowed are 1 to "
                    + "\(SchedulerConfiguration.mostRanksPerSlot)")
        }
        let possibleMemory = SchedulerConfiguration.leastSlotMemory...SchedulerConfiguration.mostSlotMemory
        if let memory = registration.slotMemoryByteCount, !possibleMemory.contains(memory) {
            throw .invalidArgument(
                "the worker offers \(memory) bytes of memory per slot; allowed are \(possibleMemory.lowerBound) to "
                    + "\(possibleMemory.upperBound): start it with fewer slots or another --memory")
        }
        let known = registration.worker.flatMap { pool[$0] }.flatMap { state in
            // A process that names another's number is a new worker, whatever it says that it holds.
            let isItsOwn = state.identity == nil || state.identity == registration.identity
            return seeded(.workerNumberStolen, true, else: isItsOwn) ? state : nil
        }
        guard registration.name.utf8.count <= SchedulerConfiguration.longestName else {
            throw .invalidArgument(
                "the worker's name has \(registration.name.utf8.count) bytes; at most "
                    + "\(SchedulerConfiguration.longestName) are allowed")
        }
        if known?.isConnected != true {
            try admit(
                "workers", have: pool.connectedCount, limit: configuration.maximumWorkers, "max-workers", at: now)
        }
        let returning = known?.id ?? registration.worker.flatMap { wasGivenOut($0) ? $0 : nil }
        let id = returning ?? newWorkerID(into: &decision)
        if known == nil {
            pool.insert(
                WorkerState(
                    id: id, name: registration.name, slotCount: registration.slotCount,
                    ranksPerSlot: registration.ranksPerSlot, link: .gone(since: now.instant),
                    connectedSince: now.instant, firstSeen: now.instant))
        }
        if returning == nil { quarantineNamesake(id, registration.name, at: now, into: &decision) }
        nameQuarantined(id, registration.name, into: &decision)
        let isQuarantined = ledger.quarantined[id] != nil || known?.isQuarantined == true
        // No new leases before the old ones are sorted out.
        pool.update(id) { worker in
            worker.identity = registration.identity
            worker.name = registration.name
            worker.slotCount = registration.slotCount
            worker.ranksPerSlot = registration.ranksPerSlot
            worker.slotMemoryByteCount = registration.slotMemoryByteCount
            worker.connectedSince = now.instant
            worker.link = .connected(lastHeard: now.instant)
            // What the operator or the worker itself said before the connection broke still holds.
            worker.isDraining = worker.isDraining || registration.isDraining
            worker.isQuarantined = isQuarantined
            // Only the worker itself knows whether it is able to run tasks.
            worker.unreadyReason = registration.unreadyReason
        }
        setAlarm(for: id, at: now.instant + configuration.suspectAfter)

        let dropped = reconcile(
            id, formerly: known == nil && isTaken(registration.worker) ? nil : registration.worker,
            held: registration.held, isNewConnection: true, at: now,
            into: &decision)
        finishEvent(at: now, into: &decision)
        return RegistrationReply(worker: id, dropped: dropped)
    }

    /// Whether the number belongs to some worker.
    private func isTaken(_ worker: WorkerID?) -> Bool { worker.map { pool[$0] != nil } ?? false }

    /// Identifiers are reserved in blocks, durably, before the first of a block is given out. So a restarted master gives none
    /// out a second time, although no record names a worker that never held a lease.
    private mutating func newWorkerID(into decision: inout Decision) -> WorkerID {
        let worker = nextWorker
        if worker > ledger.latestWorker {
            let last = WorkerID(worker.rawValue + Self.reservedWorkerCount - 1)
            commit(.workersReserved(through: last), into: &decision)
        }
        nextWorker = WorkerID(worker.rawValue + 1)
        return worker
    }

    /// Whether this run of the master, or an earlier one, gave the identifier out, and nobody has it now. A worker stays who it is
    /// when the master restarts, whether or not it held leases.
    private func wasGivenOut(_ worker: WorkerID) -> Bool {
        worker.rawValue > 0 && worker < nextWorker && pool[worker] == nil
    }

    private static var reservedWorkerCount: UInt64 { 64 }

    /// A worker says what it holds, and whether it can run tasks.
    ///
    /// - Parameter unreadyReason: why it cannot; it gets no leases while it says so.
    /// - Returns: the listed leases that are no longer the worker's own.
    public mutating func workerHeartbeat(
        _ worker: WorkerID, held: [HeldLease], residentBytes: UInt64, unreadyReason: String? = nil, at now: Moment,
        into decision: inout Decision
    ) -> [LeaseID] {
        let now = clockRead(now)
        guard pool[worker]?.isConnected == true else {
            // A race: the worker was declared dead, and its connection is being closed.
            return held.map(\.lease)
        }
        if !seeded(.heartbeatNotHeard) { heard(worker, at: now) }
        pool.update(worker) {
            $0.residentBytes = residentBytes
            $0.unreadyReason = unreadyReason
        }
        let dropped = reconcile(worker, held: held, isNewConnection: false, at: now, into: &decision)
        finishEvent(at: now, into: &decision)
        return dropped
    }

    /// The worker's present connection was closed: its leases are back in the queue at once.
    public mutating func workerDisconnected(
        _ worker: WorkerID, at now: Moment, into decision: inout Decision
    ) {
        let now = clockRead(now)
        guard pool[worker]?.isConnected == true else { return }
        lose(worker, "the connection to the worker was closed", at: now, into: &decision)
        finishEvent(at: now, into: &decision)
    }

    /// The worker takes no new leases, or takes them again; by its own wish or the operator's.
    public mutating func workerDraining(
        _ worker: WorkerID, on isDraining: Bool, at now: Moment, into decision: inout Decision
    ) {
        let now = clockRead(now)
        heard(worker, at: now)
        pool.update(worker) { $0.isDraining = isDraining }
        finishEvent(at: now, into: &decision)
    }

    /// Notes that the worker is alive, which anything that it sends shows.
    mutating func heard(_ worker: WorkerID, at now: Moment) {
        guard pool[worker]?.isConnected == true else { return }
        pool.update(worker) { $0.link = .connected(lastHeard: now.instant) }
    }

    /// Brings both sides' lists of the worker's leases together.
    ///
    /// - Parameter identity: what it was called before it came back.
    /// - Returns: the leases that only the worker lists.
    private mutating func reconcile(
        _ worker: WorkerID, formerly identity: WorkerID? = nil, held: [HeldLease], isNewConnection: Bool,
        at now: Moment, into decision: inout Decision
    ) -> [LeaseID] {
        var dropped: [LeaseID] = []
        var listed: Set<LeaseID> = []
        for item in held {
            if leases[item.lease]?.worker == worker {
                listed.insert(item.lease)
                renew(item, at: now)
            } else if isNewConnection, reclaim(item, by: worker, formerly: identity, at: now, into: &decision) {
                listed.insert(item.lease)
            } else {
                dropped.append(item.lease)
            }
        }
        for id in pool[worker]?.leases ?? [] where !listed.contains(id) {
            guard let grantedAt = leases[id]?.grantedAt else { continue }
            if seeded(.unlistedLeasesRenewed) {
                renew(HeldLease(id), at: now)
                leases[id]?.progressAt = now.instant
                continue
            }
            // A grant that is still under way cannot be listed yet; one sent on a connection that is over never will be.
            if !isNewConnection && now.instant - grantedAt < configuration.grantDelay { continue }
            let failure = Failure(.workerLost, "the worker no longer holds the lease")
            attemptEnded(id, failure, at: now, into: &decision)
        }
        return seeded(.droppedLeasesNotNamed, [], else: dropped)
    }

    private mutating func renew(_ held: HeldLease, at now: Moment) {
        guard var lease = leases[held.lease] else { return }
        lease.deadline = now.instant + configuration.leaseDuration
        if held.isStarted && lease.startedAt == nil {
            lease.startedAt = now.instant
            lease.progressAt = now.instant
        }
        lease.advanced(to: held.progress, at: now.instant)
        leases[held.lease] = lease
    }

    /// The worker continues an attempt of its own that had ended only because the worker was lost.
    private mutating func reclaim(
        _ held: HeldLease, by worker: WorkerID, formerly identity: WorkerID?, at now: Moment,
        into decision: inout Decision
    ) -> Bool {
        guard isTrusted(worker), let key = ledger.key(held.lease.task), ledger.isReady(key) else { return false }
        let task = ledger.taskProgress(key)
        let loser = ledger.jobs[key.job]?.progress[key.index]?.reclaimableBy[key.task]
        let isOwnLease = seeded(.anyLeaseReclaimed, loser != nil, else: loser != nil && loser == identity)
        guard task.attempt == held.lease.attempt, isOwnLease else { return false }
        forgetWaiting(key)
        commit(.attemptStarted(held.lease, worker: worker), into: &decision)
        addLease(
            held.lease, key, by: worker, isStarted: held.isStarted,
            progressTimeout: progressTimeout(pixels: ledger.pixelCount(of: key)), at: now)
        decision.noteChange(of: key.job)
        return true
    }

    /// The worker is gone: its leases return to the queue.
    private mutating func lose(
        _ worker: WorkerID, _ reason: String, at now: Moment, into decision: inout Decision
    ) {
        pool.update(worker) { $0.link = .gone(since: now.instant) }
        for id in seeded(.lostWorkerKeepsLeases, [], else: pool[worker]?.leases ?? []) {
            attemptEnded(id, Failure(.workerLost, reason), at: now, into: &decision)
        }
    }

    /// The worker's alarm fired: the worker or one of its leases may be overdue.
    mutating func workerAlarmFired(_ worker: WorkerID, at now: Moment, into decision: inout Decision) {
        pool.update(worker) { $0.alarm = nil }
        guard let state = pool[worker] else { return }
        switch state.link {
        case .connected(let lastHeard), .suspect(let lastHeard):
            if now.instant >= lastHeard + configuration.deadAfter {
                totals.workersDeclaredDead += 1
                lose(worker, "the worker was silent for \(now.instant - lastHeard)", at: now, into: &decision)
                decision.actions.append(.workerDeclaredDead(worker))
                return
            }
            let isSuspect = now.instant >= lastHeard + configuration.suspectAfter
            if isSuspect { pool.update(worker) { $0.link = .suspect(lastHeard: lastHeard) } }
            if let until = state.restsUntil, now.instant >= until { pool.update(worker) { $0.restsUntil = nil } }
            endOverdueLeases(of: worker, at: now, into: &decision)
            var next = lastHeard + (isSuspect ? configuration.deadAfter : configuration.suspectAfter)
            for id in pool[worker]?.leases ?? [] {
                if let lease = leases[id] { next = min(next, overdue(lease)) }
            }
            if let until = pool[worker]?.restsUntil { next = min(next, until) }
            let isLookedAtAgain = seeded(.suspectNeverDead, !isSuspect, else: true)
            if isLookedAtAgain { setAlarm(for: worker, at: next) }
        case .expected(let until):
            if now.instant >= until {
                lose(worker, "the worker did not come back after the master restarted", at: now, into: &decision)
            } else {
                setAlarm(for: worker, at: until)
            }
        case .gone: break
        }
    }
}
