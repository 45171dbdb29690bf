import JobModel
import SeededFaults

extension Scheduler {
    /// When `timePassed` is due next; `nil` while nothing waits for time. It may turn out that nothing has to be done then.
    public var nextDeadline: Instant? { alarms.nextDue.map { $0 + stoodStill } }

    /// The clock has reached `nextDeadline`.
    public mutating func timePassed(at now: Moment, into decision: inout Decision) {
        let now = clockRead(now)
        while let (due, alarm) = alarms.popDue(by: now.instant) {
            switch alarm {
            case .worker(let worker):
                // An alarm that was replaced by an earlier one has no meaning any more.
                if pool[worker]?.alarm == due { lookAfter(worker, at: now, into: &decision) }
            case .task(let key):
                if delayed[key] == due && !seeded(.pauseNeverEnds) {
                    delayed[key] = nil
                    if ledger.isReady(key) { queue.push(key) }
                }
            case .stragglers:
                isStragglerAlarmSet = false
                backUpStragglers(at: now, into: &decision)
            }
        }
        settle(at: now, into: &decision)
    }

    /// Translates the time of an event into the scheduler's own, which leaves out the time that the master stood still.
    ///
    /// When the virtual machine was paused or the process stopped, no heartbeat could arrive: the workers were not silent,
    /// the master was deaf. It shows in the deadline that passed without a call to `timePassed`.
    mutating func clockRead(_ moment: Moment) -> Moment {
        var now = moment.instant - stoodStill
        let tolerance = configuration.pauseTolerance
        if !seeded(.ownPauseIgnored), let due = alarms.nextDue, now > due + tolerance {
            // What arrived meanwhile is read before the deadline. If that was tried already, the deadline is now: a master
            // that is always late must find the dead, too.
            let wasPutOff = due <= latestPutOff + tolerance
            let resumed = wasPutOff ? due : due - tolerance
            if !wasPutOff { latestPutOff = due }
            stoodStill += now - resumed
            now = resumed
            totals.ownPauses += 1
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
