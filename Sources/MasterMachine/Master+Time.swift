import JobModel
import Scheduler
import SeededFaults

extension Master {
    private static var housekeepingInterval: Duration { .seconds(5) }

    /// When `timePassed` is due; the scheduler's deadlines are earlier than housekeeping's mostly.
    public var nextDeadline: Instant { min(schedulerDeadline ?? nextHousekeeping, nextHousekeeping) }

    /// When the scheduler asked to be called; `nil` while nothing in it waits for time.
    public var schedulerDeadline: Instant? { seeded(.lostWakeUp, nil, else: scheduler.nextDeadline) }

    /// Called at every turn.
    ///
    /// - Returns: jobs that are cancelled because their client stayed away.
    public mutating func timePassed(at now: Moment) -> [JobID] {
        if let deadline = schedulerDeadline, deadline <= now.instant {
            decide { $0.timePassed(at: now, into: &$1) }
        }
        guard now.instant >= nextHousekeeping else { return [] }
        nextHousekeeping = now.instant + Self.housekeepingInterval
        return housekeeping(at: now)
    }

    private mutating func housekeeping(at now: Moment) -> [JobID] {
        let abandoned = unsealed.abandoned(
            at: now.instant, after: configuration.unsealedTimeout,
            orIdle: seeded(.idleJobsStay, .seconds(1 << 30), else: configuration.idleTimeout))
        for job in abandoned {
            // A race: it was cancelled or forgotten in the same turn.
            try? decide { scheduler, decision throws(SchedulerRefusal) in
                try scheduler.jobCancelled(job, at: now, into: &decision)
            }
        }
        for (job, finishedAt) in kept.takeDue(at: now.instant) {
            // A job that was redriven since has another ending, which counts.
            let isThisEnding = scheduler.jobSummary(job)?.finishedAt == finishedAt
            guard seeded(.firstEndingCounts, true, else: isThisEnding) else { continue }
            try? decide { scheduler, decision throws(SchedulerRefusal) in
                try scheduler.jobForgotten(job, at: now, into: &decision)
            }
        }
        let unpinned = pins.expired(at: now.instant, isIncomplete: unsealed.contains) + sought.expired(at: now.instant)
        for digest in unpinned where mayDelete(digest) { ownActions.append(.removeIfUnneeded(digest)) }
        if !leftovers.isEmpty, leftoversEnd <= now.instant {
            for digest in leftovers.sorted() where mayDelete(digest) { ownActions.append(.removeIfUnneeded(digest)) }
            leftovers = []
        }
        if pins.isSweepDue(at: now.instant) { ownActions.append(.sweepBlobs) }
        return abandoned
    }
}
