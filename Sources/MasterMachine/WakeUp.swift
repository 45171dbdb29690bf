import SeededFaults
import Scheduler

extension Scheduler {
    /// Called at every turn of the master: lets the scheduler look at the time if it has asked for it.
    public mutating func wakeUpIfDue(at now: Moment, into decision: inout Decision) {
        guard let deadline = nextDeadline, deadline <= now.instant, !seeded(.lostWakeUp) else { return }
        timePassed(at: now, into: &decision)
    }
}
