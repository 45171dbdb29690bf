import JobModel
import SeededFaults

// What workers report about their tasks.

extension Scheduler {
    /// The decoder of a large image has put a band of raw rows.
    public mutating func bandPublished(
        _ lease: LeaseID, band: UInt32, blob: BlobReference, by worker: WorkerID, at now: Moment,
        into decision: inout Decision
    ) {
        let now = clockRead(now)
        heard(worker, at: now)
        defer { finishEvent(at: now, into: &decision) }
        if let audit = leases[lease], audit.isAudit, audit.worker == worker {
            noteAuditBand(lease, Int(band), blob, at: now, into: &decision)
            return
        }
        guard isTrusted(worker), lease.task.step == .decode, let key = wanted(lease),
            let expected = ledger.byteCountOfMissingBand(Int(band), of: key.image)
        else {
            late(lease.task.image, [blob], into: &decision)
            return
        }
        guard blob.byteCount == expected else {
            let reason = "band \(band) has \(blob.byteCount) bytes instead of \(expected)"
            misbehaved(worker, lease, reason, at: now, into: &decision)
            return
        }
        leases[lease]?.progressAt = now.instant
        let promised = min(leases[lease]?.storageByteCount ?? 0, blob.byteCount)
        leases[lease]?.storageByteCount -= promised
        storage.release(promised, stored: blob.byteCount)
        let holders = Set(ledger.openLeases(of: key).map { leases[$0]?.worker })
        commit(
            .bandPublished(lease.task, band: band, blob: blob, by: holders == [worker] ? nil : worker), into: &decision)
        decision.noteChange(of: key.job)
    }

    /// A task has its result. The first one counts, from any worker: results are deterministic.
    public mutating func taskFinished(
        _ lease: LeaseID, by worker: WorkerID, output: TaskOutput, at now: Moment, into decision: inout Decision
    ) {
        let now = clockRead(now)
        heard(worker, at: now)
        defer { finishEvent(at: now, into: &decision) }
        if let audit = leases[lease], audit.isAudit, audit.worker == worker {
            auditFinished(audit, output, at: now, into: &decision)
            return
        }
        guard isTrusted(worker), let key = wanted(lease) else {
            // A race: another attempt was faster, or the image has ended.
            late(lease.task.image, output.blobs, into: &decision)
            return
        }
        if let objection = ledger.jobs[key.job]?.progress[key.index]?.objection(to: output, of: key.task) {
            misbehaved(worker, lease, objection, at: now, into: &decision)
            return
        }
        let stored = output.blobs.reduce(UInt64(0)) { $0.addingClamped($1.byteCount) }
        let holder = removeLease(lease, stored: stored, at: now)
        if let holder { noteDuration(of: holder, at: now) }
        let others = ledger.openLeases(of: key).filter { $0 != lease }
        for other in seeded(.backupNotRevoked, [], else: others) {
            revoke(other, .taskDone, at: now, into: &decision)
        }
        forgetWaiting(key)
        returns[key] = nil
        pool.update(worker) {
            $0.tasksDone += 1
            $0.returnsInARow = 0
            $0.restsUntil = nil
        }
        let author = seeded(.auditBlamesHolder, nil, else: holder?.worker == worker ? nil : worker)
        activity.pixelsDone = activity.pixelsDone.addingClamped(ledger.pixelCount(of: key))
        commit(.taskCompleted(lease, output: output, by: author), into: &decision)
        decision.noteChange(of: key.job)
        completeIfSettled(key.image, output, at: now, into: &decision)
    }

    /// An attempt ended without a result.
    public mutating func taskFailed(
        _ lease: LeaseID, by worker: WorkerID, failure: Failure, at now: Moment, into decision: inout Decision
    ) {
        let now = clockRead(now)
        heard(worker, at: now)
        guard leases[lease]?.worker == worker else {
            // A race: the lease had been taken back before the report came.
            totals.staleReports += 1
            return
        }
        attemptEnded(lease, failure, at: now, into: &decision)
        finishEvent(at: now, into: &decision)
    }

    /// A draining worker gives a lease back. The task is no worse for it, unless it is given back again and again.
    public mutating func leaseReturned(
        _ lease: LeaseID, by worker: WorkerID, at now: Moment, into decision: inout Decision
    ) {
        let now = clockRead(now)
        heard(worker, at: now)
        guard let key = leases[lease]?.key, leases[lease]?.worker == worker else {
            totals.staleReports += 1
            return
        }
        attemptEnded(lease, returned(key, by: worker, at: now), at: now, into: &decision)
        finishEvent(at: now, into: &decision)
    }

    /// A worker's report cannot be true: the attempt failed, if it is the worker's own, and nothing else changes.
    mutating func reportRefused(
        _ lease: LeaseID, by worker: WorkerID, _ reason: String, at now: Moment, into decision: inout Decision
    ) {
        let now = clockRead(now)
        heard(worker, at: now)
        misbehaved(worker, lease, reason, at: now, into: &decision)
        finishEvent(at: now, into: &decision)
    }

    /// The task that a report is about, if its image is running, it is not done, and the attempt was really made.
    ///
    /// Attempts from before the image started over do not count: their inputs are gone, and by another plan the same name is
    /// another part of the image.
    func wanted(_ lease: LeaseID) -> TaskKey? {
        guard let key = ledger.key(lease.task), let image = ledger.image(key.image) else { return nil }
        let task = ledger.taskProgress(key)
        let wasAttempted = seeded(
            .attemptNotChecked, true, else: lease.attempt > image.attemptFloor && lease.attempt <= task.attempt)
        let isDone = seeded(.secondResultAccepted, false, else: task.isDone)
        return wasAttempted && !isDone ? key : nil
    }

    /// A result that came too late changes nothing. Its blobs go unless they are needed all the same, or will be: as long as
    /// the image is not final, another attempt may be about to report the same ones.
    mutating func late(_ image: ImageID, _ blobs: [BlobReference], into decision: inout Decision) {
        totals.lateResults += 1
        if ledger.state(of: image)?.isFinal == false { return }
        for blob in blobs where !ledger.blobs.isNeeded(blob.digest) {
            decision.actions.append(.deleteBlob(blob.digest))
        }
    }

    /// The worker reported something impossible: its attempt failed. A report on another worker's attempt does not count.
    mutating func misbehaved(
        _ worker: WorkerID, _ lease: LeaseID, _ reason: String, at now: Moment, into decision: inout Decision
    ) {
        let isOwnLease = seeded(.nonsenseEndsOthersAttempt, true, else: leases[lease]?.worker == worker)
        guard isOwnLease else {
            totals.staleReports += 1
            return
        }
        refusal = reason
        totals.reportsRefused += 1
        attemptEnded(
            lease, Failure(.workerError, "the worker's report was refused: \(reason)"), at: now, into: &decision)
    }

    private mutating func noteDuration(of lease: Lease, at now: Moment) {
        noteDuration(now.instant - (lease.startedAt ?? lease.grantedAt), of: lease)
    }
}

extension Ledger {
    /// Bytes that a band must have; `nil` when it is not missing.
    func byteCountOfMissingBand(_ band: Int, of image: ImageID) -> UInt64? {
        guard let bands = jobs[image.job]?.progress[image.index]?.bands, bands.indices.contains(band),
            bands[band] == nil
        else { return nil }
        return jobs[image.job]?.progress[image.index]?.plan.byteCount(ofBand: band)
    }
}
