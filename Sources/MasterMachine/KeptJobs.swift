import JobModel
import SeededFaults
import Scheduler

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
    private var endings: [(job: JobID, finishedAt: UInt64, due: Instant)] = []

    public init(duration: Duration) { self.duration = duration }

    /// The job ended just now.
    ///
    /// - Parameter finishedAt: what its record says; tells this ending from another, when the job was redriven.
    public mutating func ended(_ job: JobID, finishedAt: UInt64, at now: Instant) {
        endings.append((job, finishedAt, now + duration))
    }

    /// The master has started: takes up all jobs that had ended.
    public mutating func recovered(_ jobs: [(job: JobID, finishedAt: UInt64)], at now: Moment) {
        let least = seeded(.wallClockEndsKeeping) ? .zero : min(duration, Self.leastAfterStart)
        endings = jobs.map { job, finishedAt in
            let (age, isFuture) = now.wallClockMilliseconds.subtractingReportingOverflow(finishedAt)
            let rest = duration - (isFuture ? .zero : .milliseconds(Int64(clamping: age)))
            return (job, finishedAt, now.instant + max(rest, least))
        }.sorted { $0.due < $1.due }
    }

    /// Forgets the jobs that were kept long enough.
    public mutating func forgetDue(in scheduler: inout Scheduler, at now: Moment, into decision: inout Decision) {
        for (job, finishedAt) in takeDue(at: now.instant) {
            // Redriven since: another ending counts.
            guard scheduler.jobSummary(job)?.finishedAt == finishedAt || seeded(.firstEndingCounts) else { continue }
            try? scheduler.jobForgotten(job, at: now, into: &decision)
        }
    }

    /// Takes out what is to be forgotten by now, with the ending that it was.
    mutating func takeDue(at now: Instant) -> [(job: JobID, finishedAt: UInt64)] {
        let count = endings.prefix { $0.due <= now }.count
        defer { endings.removeFirst(count) }
        return endings.prefix(count).map { ($0.job, $0.finishedAt) }
    }
}
