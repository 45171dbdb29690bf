import JobModel
import SeededFaults

/// How long a job's finished tasks took, by kind.
struct TaskDurations: Sendable {
    private var counts = [Int64](repeating: 0, count: TaskKind.allCases.count)
    private var sums = [Duration](repeating: .zero, count: TaskKind.allCases.count)

    mutating func add(_ duration: Duration, for kind: TaskKind) {
        counts[kind.rawValue] += 1
        sums[kind.rawValue] += duration
    }

    /// `nil` before the first is finished.
    func mean(of kind: TaskKind) -> Duration? {
        counts[kind.rawValue] == 0 ? nil : sums[kind.rawValue] / counts[kind.rawValue]
    }
}

// What idle slots do near the end, when no task is ready.

extension Scheduler {
    /// Idle slots take over leases that wait in busy workers for a slot, unless what was promised to these finds no place any more.
    mutating func moveStagedLeases(at now: Moment, into decision: inout Decision) {
        while seeded(.fullDiskIgnored, true, else: storage.fits(0)), let idle = pool.leastLoaded(),
            idle.leases < idle.slots, let laden = pool.mostLaden(),
            let id = stagedLease(of: laden.worker, for: idle.worker)
        {
            guard let key = leases[id]?.key else { return }
            let failure = Failure(.movedToIdleWorker, "an idle worker took the task over")
            commit(.attemptEnded(id, worker: laden.worker, failure: failure), into: &decision)
            if seeded(.reassignedWithoutRevoking) {
                removeLease(id, at: now)
            } else {
                revoke(id, .movedToIdleWorker, at: now, into: &decision)
            }
            totals.leasesMoved += 1
            grant(key, to: idle.worker, isPaid: false, at: now, into: &decision)
        }
    }

    /// The lease that would have to wait longest, among those that `idle` has not failed before.
    private mutating func stagedLease(of laden: WorkerID, for idle: WorkerID) -> LeaseID? {
        for id in pool[laden]?.stagedLeases.reversed() ?? [] {
            guard let lease = leases[id], lease.startedAt == nil, !lease.isAudit,
                ledger.openLeases(of: lease.key).count == 1,
                !ledger.workersThatFailed(lease.key).contains(idle), fits(lease.key, idle)
            else { continue }
            return id
        }
        return nil
    }

    /// Looks for stragglers again in a while, as long as there are idle slots and work that they might double.
    mutating func setStragglerAlarm(at now: Moment) {
        guard !isStragglerAlarmSet, queue.count == 0, !leases.isEmpty, let idle = pool.leastLoaded(),
            idle.leases < idle.slots
        else { return }
        isStragglerAlarmSet = true
        alarms.set(.stragglers, at: now.instant + configuration.stragglerAge / 4)
    }

    /// Whether the attempt takes much longer than its like. The first of its kind has only its own pace to be judged by: it is
    /// one when it would need more than its progress timeout, half of which is over.
    private func isStraggler(_ lease: Lease, at now: Moment) -> Bool {
        guard let startedAt = lease.startedAt else { return false }
        let age = now.instant - startedAt
        if let mean = durations[lease.key.job]?.mean(of: lease.kind) {
            return age > max(configuration.stragglerAge, mean * configuration.stragglerFactor)
        }
        return age > max(configuration.stragglerAge, lease.progressTimeout / 2)
            && age > lease.progressTimeout * lease.progress
    }

    /// Idle slots run a second attempt of tasks that take much longer than their like; the first result wins.
    mutating func backUpStragglers(at now: Moment, into decision: inout Decision) {
        guard queue.count == 0 else { return }
        leasesByAge.removeAll { leases[$0] == nil }
        for id in leasesByAge {
            guard let idle = pool.leastLoaded(), idle.leases < idle.slots else { return }
            guard let lease = leases[id], !lease.isAudit, isStraggler(lease, at: now),
                ledger.openLeases(of: lease.key).count == 1
            else { continue }
            let avoided = ledger.workersThatFailed(lease.key).union([lease.worker])
                .union(tooSmallWorkers(for: memoryByteCount(of: lease.key).now))
            guard let other = pool.leastLoaded(except: avoided), other.leases < other.slots,
                storage.fits(storageByteCount(of: lease.key))
            else { continue }
            totals.backupsGranted += 1
            grant(lease.key, to: other.worker, isPaid: false, at: now, into: &decision)
        }
    }
}
