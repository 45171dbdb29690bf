import JobModel
import SeededFaults

extension Scheduler {
    /// When `timePassed` is due next; `nil` while nothing waits for time. It may turn out that nothing has to be done then.
    public var nextDeadline: Instant? { alarms.nextDue.map { $0 + stalledTime } }

    /// The clock has reached `nextDeadline`.
    public mutating func timePassed(at now: Moment, into decision: inout Decision) {
        let now = clockRead(now)
        while let (due, alarm) = alarms.popDue(by: now.instant) {
            switch alarm {
            case .worker(let worker):
                // An alarm that was replaced by an earlier one has no meaning any more.
                if pool[worker]?.alarm == due { workerAlarmFired(worker, at: now, into: &decision) }
            case .task(let key):
                roomAwaited(key)
                let isDue = seeded(.backoffNeverEnds, false, else: delayed[key] == due)
                if isDue {
                    delayed[key] = nil
                    if ledger.isReady(key) { queue.push(key) }
                    if ledger.awaitsAudit(key) { awaitAudit(key, at: now) }
                }
            case .stragglers:
                isStragglerAlarmSet = false
                backUpStragglers(at: now, into: &decision)
            case .audits: auditAlarmFired(at: now, into: &decision)
            case .settling: settlingAlarmFired(at: now, into: &decision)
            }
        }
        finishEvent(at: now, into: &decision)
    }

    /// Translates the time of an event into the scheduler's own, which leaves out the time for which the master was stalled.
    ///
    /// When the virtual machine was paused or the process stopped, no heartbeat could be read: the workers were not silent, the
    /// master did not listen. Such a stall shows in a deadline that passed without a call to `timePassed`.
    mutating func clockRead(_ moment: Moment) -> Moment {
        var now = moment.instant - stalledTime
        let tolerance = configuration.stallTolerance
        let missed = alarms.nextDue.flatMap { due in now > due + tolerance ? due : nil }
        if let due = seeded(.stallIgnored, nil, else: missed) {
            // Messages that arrived during the stall are read before the deadline. If that was tried already, the deadline is
            // now: a master that is always late must find dead workers, too.
            let wasPostponed = due <= latestPostponed + tolerance
            let resumed = wasPostponed ? due : due - tolerance
            if !wasPostponed { latestPostponed = due }
            stalledTime += now - resumed
            now = resumed
            totals.ownStalls += 1
        }
        latest = max(latest, now)
        return Moment(latest, wallClockMilliseconds: moment.wallClockMilliseconds)
    }

    /// Sets the worker's alarm, unless an earlier one is set.
    mutating func setAlarm(for worker: WorkerID, at due: Instant) {
        if let present = pool[worker]?.alarm, present <= due { return }
        pool.update(worker) { $0.alarm = due }
        alarms.set(.worker(worker), at: due)
    }
}

extension Instant {
    static func - (instant: Instant, duration: Duration) -> Instant { instant + (.zero - duration) }
}
