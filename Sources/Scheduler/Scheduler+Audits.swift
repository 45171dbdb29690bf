import JobModel
import SeededFaults

// Second opinions on finished tasks (decision 34). Results are deterministic: two workers that compute a task differently
// cannot both be right.

extension Scheduler {
    /// Audits that are considered in one event, of those that wait.
    private static var maximumConsidered: Int { 64 }
    /// Opinions on one task that may differ from all others before the image is given up.
    private static var maximumDissent: Int { 8 }
    /// How long an audit that could not be placed is not looked at again.
    private static var urgentPause: Duration { .milliseconds(100) }
    /// Attempts at one audit that may fail.
    private static var maximumAuditFailures: UInt32 { 4 }

    // MARK: Waiting

    /// The finished task waits for an opinion.
    mutating func awaitAudit(_ key: TaskKey, at now: Moment) {
        audits.insert(
            key, since: now.instant, isDisputed: isDisputed(key), due: now.instant + configuration.auditDelay)
        setAuditAlarm(at: now)
    }

    private mutating func setAuditAlarm(at now: Moment) {
        guard !audits.isAlarmSet, audits.count > 0 else { return }
        audits.isAlarmSet = true
        let next = audits.nextDue() ?? now.instant + configuration.auditDelay
        alarms.set(.audits, at: max(next, now.instant + .milliseconds(100)))
    }

    /// Audits that have waited for long wait in line with the other tasks, or end.
    mutating func auditAlarmFired(at now: Moment, into decision: inout Decision) {
        audits.isAlarmSet = false
        var stuck: Set<ImageID> = []
        let limit = 16 * Self.maximumConsidered
        if pool.takingCount == 0 {
            // Nobody takes them out of the line.
            for key in audits.inLine(limit: limit) {
                queue.remove(key)
                audits.move(key, to: .idle(until: now.instant))
            }
        }
        for key in audits.due(by: now.instant, limit: limit) + audits.urgentDue(by: now.instant, limit: limit) {
            if mayBeMade(key) {
                guard !audits.isUrgent(key) else { continue }
                audits.move(key, to: .inLine)
                queue.push(key)
            } else if audits.contains(key) {
                audits.move(key, to: .idle(until: now.instant + configuration.auditDelay))
                stuck.insert(key.image)
            }
        }
        for image in stuck.sorted() { completeIfSettled(image, at: now, into: &decision) }
        setAuditAlarm(at: now)
    }

    /// Whether some worker takes leases and can give another opinion on the task. A task that waits no more is forgotten.
    private mutating func mayBeMade(_ key: TaskKey) -> Bool {
        guard ledger.awaitsAudit(key) else {
            audits.remove(key)
            return false
        }
        return isTraceable(key) && pool.hasTaker(except: unsuitableAuditors(key)) && hasRoomForAudit(key)
    }

    /// Whether what the auditor stores finds a place: it puts what it computes as every worker does.
    private mutating func hasRoomForAudit(_ key: TaskKey) -> Bool {
        seeded(.fullDiskIgnored, true, else: storage.fits(storageByteCount(of: key)))
    }

    // MARK: Placing

    /// Workers that cannot give another opinion on the task: their own is known, or they lack the memory.
    ///
    /// A machine that computes wrongly does so again when its worker is started again. So later runs of a worker that is gone
    /// have no opinion of their own, and where two differ, a machine has one voice.
    private mutating func unsuitableAuditors(_ key: TaskKey) -> Set<WorkerID> {
        let known = seeded(.auditedByItself, [], else: ledger.workersWithOpinion(key))
        var unsuitable = known.union(tooSmallWorkers(for: memoryByteCount(of: key).now))
        guard !seeded(.machineHasManyVoices) else { return unsuitable }
        let isDisputed = isDisputed(key)
        for worker in known where isDisputed || pool[worker]?.isHeard != true {
            unsuitable.formUnion(pool.namesakes(of: worker))
        }
        return unsuitable
    }

    private func isDisputed(_ key: TaskKey) -> Bool {
        ledger.jobs[key.job]?.progress[key.index]?.audits[key.task]?.dissent.isEmpty == false
    }

    /// Whether it is known which machines the opinions on the task are of. A master that was restarted knows it of the workers
    /// that came back.
    private func isTraceable(_ key: TaskKey) -> Bool {
        seeded(.machineHasManyVoices)
            || ledger.workersWithOpinion(key).allSatisfy { $0 == WorkerID(0) || pool[$0]?.isNamed == true }
    }

    /// The least loaded worker that can give another opinion; rather one of another name, which may be another machine, and one
    /// that has not failed the task.
    private mutating func auditor(for key: TaskKey) -> WorkerLoad? {
        let unsuitable = unsuitableAuditors(key)
        guard isTraceable(key), pool.leastLoaded(except: unsuitable) != nil else { return nil }
        let failed = unsuitable.union(ledger.workersThatFailed(key))
        let namesakes = ledger.workersWithOpinion(key).flatMap { pool.namesakes(of: $0) }
        return pool.leastLoaded(except: failed.union(namesakes)) ?? pool.leastLoaded(except: failed)
            ?? pool.leastLoaded(except: unsuitable)
    }

    /// Slots that have nothing else to do give second opinions.
    mutating func grantAuditsToIdleSlots(at now: Moment, into decision: inout Decision) {
        guard audits.count > 0, let idle = pool.leastLoaded(), idle.leases < idle.slots else { return }
        for key in audits.firstIdle(limit: Self.maximumConsidered) {
            guard ledger.awaitsAudit(key) else {
                audits.remove(key)
                continue
            }
            guard let load = auditor(for: key), load.leases < load.slots else { continue }
            guard hasRoomForAudit(key) else { continue }
            grantAudit(key, to: load.worker, at: now, into: &decision)
        }
    }

    /// Audits whose turn has come go to the next worker that suits them.
    mutating func grantUrgentAudits(at now: Moment, into decision: inout Decision) {
        guard audits.count > 0, pool.leastLoaded() != nil else { return }
        for key in audits.urgentDue(by: now.instant, limit: Self.maximumConsidered) {
            placeAudit(key, at: now, into: &decision)
        }
    }

    /// Gives the task to another worker, if one has room.
    mutating func placeAudit(_ key: TaskKey, at now: Moment, into decision: inout Decision) {
        guard ledger.awaitsAudit(key) else {
            audits.remove(key)
            return
        }
        guard let load = auditor(for: key), hasRoomForAudit(key) else {
            // Of many, all have their turn to be looked at.
            if audits.urgentCount > Self.maximumConsidered {
                audits.postpone(key, until: now.instant + Self.urgentPause)
            }
            return
        }
        grantAudit(key, to: load.worker, at: now, into: &decision)
    }

    private mutating func grantAudit(
        _ key: TaskKey, to worker: WorkerID, at now: Moment, into decision: inout Decision
    ) {
        audits.remove(key)
        let id = ledger.nextLease(key)
        commit(.attemptStarted(id, worker: worker), into: &decision)
        let pixels = ledger.pixelCount(of: key)
        addLease(
            id, key, by: worker, isStarted: false, isAudit: true, progressTimeout: progressTimeout(pixels: pixels),
            at: now)
        queue.charge(key.job, pixels: pixels)
        totals.leasesGranted += 1
        totals.auditsGranted += 1
        decision.actions.append(.grant(id, taskSpec(key, id.task), to: worker))
        decision.noteChange(of: key.job)
    }

    // MARK: Opinions

    /// The auditor of a decoding has put a band of raw rows.
    mutating func noteAuditBand(
        _ lease: LeaseID, _ band: Int, _ blob: BlobReference, at now: Moment, into decision: inout Decision
    ) {
        guard let audit = leases[lease], let progress = ledger.progress(of: audit.key.image),
            progress.neededBands.contains(band)
        else { return }
        let expected = progress.plan.byteCount(ofBand: band)
        guard blob.byteCount == expected else {
            let reason = "band \(band) has \(blob.byteCount) bytes instead of \(expected)"
            misbehaved(audit.worker, lease, reason, at: now, into: &decision)
            return
        }
        leases[lease]?.bands[band] = blob
        leases[lease]?.progressAt = now.instant
    }

    /// Another worker has computed the finished task.
    mutating func auditFinished(
        _ lease: Lease, _ output: TaskOutput, at now: Moment, into decision: inout Decision
    ) {
        let key = lease.key
        guard let salt = ledger.auditSalt,
            let dissent = ledger.jobs[key.job]?.progress[key.index]?.audits[key.task]?.dissent,
            let neededBands = ledger.jobs[key.job]?.progress[key.index]?.neededBands
        else { preconditionFailure("\(lease.id) is an audit of a task that is not audited") }
        if let objection = ledger.jobs[key.job]?.progress[key.index]?.objection(to: output, of: key.task) {
            misbehaved(lease.worker, lease.id, objection, at: now, into: &decision)
            return
        }
        let bands = key.task == 0 ? neededBands : 0..<0
        guard bands.allSatisfy({ lease.bands[$0] != nil }) else {
            // The master was restarted during the decoding, and does not remember the bands from before.
            let failure = Failure(.returned, "the master was restarted during the audit")
            attemptEnded(lease.id, failure, at: now, into: &decision)
            return
        }
        removeLease(lease.id, at: now)
        let opinion = salt.fingerprint(output, bands: bands.map { lease.bands[$0] })
        commit(.taskAudited(lease.id, opinion: opinion), into: &decision)
        decision.noteChange(of: key.job)
        let blamed: Set<WorkerID>
        if !ledger.isAudited(key) {
            totals.auditsAgreed += 1
            blamed = Set(dissent.map(\.worker))
        } else {
            totals.auditsDiffered += 1
            switch ledger.finding(key) {
            case .open:
                blamed = []
                awaitAudit(key, at: now)
            case .unsupported: blamed = []
            case .refuted(let dissenters):
                let authors = ledger.jobs[key.job]?.progress[key.index]?.authors(
                    of: key.task, otherThan: output, bands: lease.bands)
                blamed = dissenters.union(authors ?? [])
            }
        }
        for worker in blamed.sorted() where !seeded(.quarantineForgotten) {
            quarantine(worker, shownBy: lease.id, at: now, into: &decision)
        }
        if ledger.finding(key) != .open { withdrawRunning(key.image, at: now, into: &decision) }
        returns[key] = nil
        for blob in output.blobs + lease.bands.values where !ledger.blobs.isNeeded(blob.digest) {
            decision.actions.append(.deleteBlob(blob.digest))
        }
        // Of many audits of the image, others that are hopeless are found when the alarm comes to them.
        completeIfSettled(key.image, endsHopelessAudits: false, at: now, into: &decision)
    }

    /// An attempt at a second opinion ended without one.
    mutating func auditAttemptEnded(
        _ lease: Lease, _ failure: Failure, at now: Moment, into decision: inout Decision
    ) {
        let key = lease.key
        guard let audit = ledger.jobs[key.job]?.progress[key.index]?.audits[key.task] else { return }
        guard audit.failedAttempts < Self.maximumAuditFailures else {
            if ledger.isSuspect(key) {
                withdrawRunning(key.image, at: now, into: &decision)
            } else if !audit.dissent.isEmpty {
                totals.imagesDisputed += 1
                imageFailed(key.image, disputed(key, .othersFailed), deadLettered: true, at: now, into: &decision)
            } else {
                endAudit(key, .failed, at: now, into: &decision)
                completeIfSettled(key.image, endsHopelessAudits: false, at: now, into: &decision)
            }
            return
        }
        if pool[lease.worker]?.takesLeases == true {
            delay(key, until: now.instant + configuration.firstBackoff)
        } else {
            awaitAudit(key, at: now)
        }
    }

    private mutating func endAudit(
        _ key: TaskKey, _ end: AuditEnd, at now: Moment, into decision: inout Decision
    ) {
        guard let task = ledger.task(key) else { return }
        forgetWaiting(key)
        returns[key] = nil
        commit(.auditEnded(task, end), into: &decision)
        totals.auditsSkipped += 1
        decision.noteChange(of: key.job)
    }

    // MARK: The end of an image

    /// All tasks of the image may be done: unless one waits for a second opinion, so is the image.
    ///
    /// - Parameter output: of the only task of a small image that has just been done.
    mutating func completeIfSettled(
        _ image: ImageID, _ output: TaskOutput? = nil, endsHopelessAudits: Bool = true, at now: Moment,
        into decision: inout Decision
    ) {
        guard ledger.jobs[image.job]?.progress[image.index]?.isComputed == true else { return }
        if endsHopelessAudits { endHopelessAudits(of: image, at: now, into: &decision) }
        guard let progress = ledger.progress(of: image) else { return }
        let isSettled = seeded(.auditNotAwaited, progress.isComputed, else: progress.isComplete)
        guard isSettled else { return }
        guard progress.plan.isWhole else {
            if assembling[image] == nil { assembleIfComplete(image, into: &decision) }
            return
        }
        guard let result = progress.output(of: 0)?.payload ?? output?.payload else {
            preconditionFailure("image \(image) is complete without its result")
        }
        completed(image, result, fromCache: false, at: now, into: &decision)
        decision.noteChange(of: image.job)
        finishIfComplete(image.job, at: now, into: &decision)
    }

    /// Ends the audits for which no worker is there, once the image has waited long enough for one.
    private mutating func endHopelessAudits(of image: ImageID, at now: Moment, into decision: inout Decision) {
        guard let waiting = ledger.jobs[image.job]?.progress[image.index]?.audits, !waiting.isEmpty else { return }
        for task in waiting.keys.sorted() {
            let key = TaskKey(image, task)
            guard ledger.awaitsAudit(key), let dissent = waiting[task]?.dissent else { continue }
            let unsuitable = unsuitableAuditors(key)
            // There is a limit even to disagreement: with that many opinions, and no two the same, nobody is right.
            let isEndless = dissent.count >= Self.maximumDissent
            let isSample = ledger.jobs[image.job]?.description.options.auditShare != .all && dissent.isEmpty
            guard isTraceable(key) else {
                // Workers that are still there come back within that time.
                if let recoveredAt, now.instant - recoveredAt < configuration.auditWait { continue }
                guard isSample, !ledger.isSuspect(key) else {
                    withdrawRunning(image, at: now, into: &decision)
                    return
                }
                endAudit(key, .noOtherWorker, at: now, into: &decision)
                continue
            }
            guard isEndless || !pool.hasTaker(except: unsuitable) else {
                // A sample of the tasks does not justify waiting for room.
                let waited = now.instant - (audits.since(key) ?? now.instant)
                let isPatient = isSample || dissent.isEmpty && waited >= configuration.auditWait
                if isPatient, !ledger.isSuspect(key), !hasRoomForAudit(key) {
                    endAudit(key, .noRoom, at: now, into: &decision)
                }
                continue
            }
            let waited = now.instant - (audits.since(key) ?? now.instant)
            if ledger.isSuspect(key) {
                // The workers that are left have a part in the result themselves: they make it again without the faulty one.
                guard waited >= configuration.auditWait, pool.takingCount > 0 else { continue }
                withdrawRunning(image, at: now, into: &decision)
                return
            }
            guard isEndless || waited >= patience(for: key, dissent, except: unsuitable, at: now) else { continue }
            guard dissent.isEmpty || seeded(.disputeIgnored) else {
                totals.imagesDisputed += 1
                let failure = disputed(key, isEndless ? .nobodyAgrees : .noOther)
                imageFailed(image, failure, deadLettered: true, at: now, into: &decision)
                return
            }
            endAudit(key, .noOtherWorker, at: now, into: &decision)
        }
    }

    /// How long the image waits for another worker, while none takes leases. A sample of the tasks does not justify waiting for a
    /// worker that was never there.
    private func patience(
        for key: TaskKey, _ dissent: [Opinion], except unsuitable: Set<WorkerID>, at now: Moment
    ) -> Duration {
        let share = ledger.jobs[key.job]?.description.options.auditShare ?? .none
        let isNew = recoveredAt.map { now.instant - $0 < configuration.auditWait } ?? false
        if !dissent.isEmpty || share == .all || isNew { return configuration.auditWait }
        let mayReturn = pool.workers.values.contains { worker in
            guard !unsuitable.contains(worker.id), !worker.isQuarantined else { return false }
            switch worker.link {
            case .suspect, .expected: return true
            case .gone(let since): return now.instant - since < configuration.auditWait
            case .connected: return false
            }
        }
        return mayReturn ? configuration.auditWait : .zero
    }

    /// Why nobody decides who is right.
    private enum Dispute {
        case noOther
        case othersFailed
        case nobodyAgrees
    }

    private func disputed(_ key: TaskKey, _ dispute: Dispute) -> Failure {
        let workers = ledger.workersWithOpinion(key).sorted().map(\.description).joined(separator: ", ")
        let task = ledger.task(key).map(\.description) ?? "\(key.image)"
        let why =
            switch dispute {
            case .noOther:
                "and there was no other worker within \(configuration.auditWait) to decide who is right: start another one, "
                    + "then redrive the image"
            case .othersFailed:
                "and the others that were asked to decide failed \(Self.maximumAuditFailures) times: see why in the master's "
                    + "log, then redrive the image"
            case .nobodyAgrees:
                "and no two of them the same: see whether they are of one release and on one kind of processor, then redrive "
                    + "the image"
            }
        return Failure(.disputed, "the workers \(workers) computed different results for the task \(task), \(why)")
    }
}

extension Ledger {
    /// The task of a running image, as the rest of the system names it.
    func task(_ key: TaskKey) -> TaskID? {
        guard let plan = jobs[key.job]?.progress[key.index]?.plan else { return nil }
        return TaskID(image: key.image, step: plan.step(Int(key.task)))
    }
}
