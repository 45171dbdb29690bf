import HeapModule
import JobModel

/// What falls due when time passes.
enum Alarm: Hashable, Sendable {
    /// Look whether the worker or one of its leases is overdue.
    case worker(WorkerID)
    /// A task's delay is over.
    case task(TaskKey)
    /// Look for stragglers.
    case stragglers
    /// Look at the audits that have waited for long.
    case audits
    /// Some results can no longer be withdrawn.
    case settling
}

/// Alarms in the order of time; those of one instant in the order in which they were set.
///
/// Alarms cannot be cancelled: the code that set one knows when it has lost its meaning.
struct AlarmClock: Sendable {
    private struct Entry: Comparable, Sendable {
        let due: Instant
        let number: UInt64
        let alarm: Alarm

        static func < (left: Entry, right: Entry) -> Bool { (left.due, left.number) < (right.due, right.number) }
        static func == (left: Entry, right: Entry) -> Bool { left.number == right.number }
    }

    private var entries = Heap<Entry>()
    private var nextNumber: UInt64 = 0

    var nextDue: Instant? { entries.min?.due }

    mutating func set(_ alarm: Alarm, at due: Instant) {
        entries.insert(Entry(due: due, number: nextNumber, alarm: alarm))
        nextNumber += 1
    }

    /// Takes out the next alarm that is due by `now`.
    mutating func popDue(by now: Instant) -> (Instant, Alarm)? {
        guard let first = entries.min, first.due <= now else { return nil }
        entries.removeMin()
        return (first.due, first.alarm)
    }
}
