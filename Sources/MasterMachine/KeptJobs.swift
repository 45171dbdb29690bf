import JobModel
import Scheduler
import SeededFaults

/// When each job that has ended is forgotten.
///
/// Measured by the clock that only goes forward: setting the wall clock neither ends the time nor prolongs it. Only how long ago
/// a job ended before the master was started is known from the wall clock alone; should that be wrong, the results still stay
/// for `leastAfterStart`.
public struct KeptJobs {
    public static let leastAfterStart = Duration.seconds(600)

    /// How long results are kept.
    let duration: Duration
    /// In the order of `due`: all wait equally long.
    private var endings: Queue<(job: JobID, finishedAt: UInt64, due: Instant)> = []

    public init(duration: Duration) { self.duration = duration }

    /// Endings, of which a job that was redriven has several.
    var count: Int { endings.count }

    /// The job ended just now.
    ///
    /// - Parameter finishedAt: what its record says; tells this ending from another, when the job was redriven.
    public mutating func ended(_ job: JobID, finishedAt: UInt64, at now: Instant) {
        endings.append((job, finishedAt, now + duration))
    }

    /// The master has started: these jobs had ended.
    public mutating func recovered(_ jobs: [(job: JobID, finishedAt: UInt64)], at now: Moment) {
        let least = seeded(.wallClockEndsKeeping, .zero, else: min(duration, Self.leastAfterStart))
        let endings = jobs.map { job, finishedAt in
            let (age, isFuture) = now.wallClockMilliseconds.subtractingReportingOverflow(finishedAt)
            let rest = duration - (isFuture ? .zero : .milliseconds(Int64(clamping: age)))
            return (job: job, finishedAt: finishedAt, due: now.instant + max(rest, least))
        }
        self.endings = Queue(endings.sorted { $0.due < $1.due })
    }

    /// Takes out what is to be forgotten by now, with the ending that it was.
    mutating func takeDue(at now: Instant) -> [(job: JobID, finishedAt: UInt64)] {
        var due: [(job: JobID, finishedAt: UInt64)] = []
        while let ending = endings.first, ending.due <= now {
            endings.removeFirst()
            due.append((ending.job, ending.finishedAt))
        }
        return due
    }
}
