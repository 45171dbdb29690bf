import JobModel
import Scheduler
import SeededFaults

/// When each job that has ended is forgotten: when its time is over, or earlier, to make room for new jobs.
///
/// Measured by the clock that only goes forward: setting the wall clock neither ends the time nor prolongs it. Only how long ago
/// a job ended before the master was started is known from the wall clock alone; should that be wrong, the results still stay
/// for `leastAfterStart`.
///
///     ended            leastWithoutResults         leastDuration                         duration
///       |---------------------|--------------------------|------------------------------------|
///       |  kept               |  gives way if it has no  |  gives way to new jobs, the        |  forgotten
///       |                     |  results at all          |  oldest first                      |
public struct KeptJobs {
    public static let leastAfterStart = Duration.seconds(600)
    /// A job without any result is kept at least this long, so that its client is told how it ended.
    public static let leastWithoutResults = Duration.seconds(600)

    struct Ending {
        let job: JobID
        /// What the job's record says; tells this ending from another, when the job was redriven.
        let finishedAt: UInt64
        /// When it is forgotten.
        let due: Instant
        /// From when on it gives way to new jobs.
        let yieldsAt: Instant
    }

    /// How long results are kept.
    let duration: Duration
    /// How long they are kept though others need the room; at most `duration`.
    let leastDuration: Duration
    /// In the order of their ends: all wait equally long.
    private var endings: Queue<Ending> = []
    /// Jobs without any result, which give way earlier; they are in `endings`, too.
    private var withoutResults: Queue<Ending> = []

    private var leastWithoutResults: Duration { min(leastDuration, Self.leastWithoutResults) }

    public init(duration: Duration, leastDuration: Duration? = nil) {
        self.duration = duration
        self.leastDuration = min(leastDuration ?? duration, duration)
    }

    /// Endings, of which a job that was redriven has several.
    var count: Int { endings.count }

    /// The job ended just now.
    ///
    /// - Parameters:
    ///   - finishedAt: what its record says.
    ///   - hasResults: whether any of its images is done.
    public mutating func ended(_ job: JobID, finishedAt: UInt64, hasResults: Bool = true, at now: Instant) {
        append(job, finishedAt, age: .zero, hasResults, least: .zero, at: now)
    }

    /// The master has started: these jobs had ended.
    public mutating func recovered(_ jobs: [(job: JobID, finishedAt: UInt64, hasResults: Bool)], at now: Moment) {
        let least = seeded(.wallClockEndsKeeping, .zero, else: Self.leastAfterStart)
        for (job, finishedAt, hasResults) in jobs.sorted(by: { $0.finishedAt < $1.finishedAt }) {
            let (age, isFuture) = now.wallClockMilliseconds.subtractingReportingOverflow(finishedAt)
            append(
                job, finishedAt, age: isFuture ? .zero : .milliseconds(Int64(clamping: age)), hasResults, least: least,
                at: now.instant)
        }
    }

    private mutating func append(
        _ job: JobID, _ finishedAt: UInt64, age: Duration, _ hasResults: Bool, least: Duration, at now: Instant
    ) {
        func end(of kept: Duration) -> Instant { now + max(kept - age, min(kept, least)) }
        let due = end(of: duration)
        endings.append(Ending(job: job, finishedAt: finishedAt, due: due, yieldsAt: end(of: leastDuration)))
        guard !hasResults else { return }
        withoutResults.append(
            Ending(job: job, finishedAt: finishedAt, due: due, yieldsAt: end(of: leastWithoutResults)))
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

    // MARK: Making room

    /// The order in which jobs give way.
    enum Line: CaseIterable {
        case withoutResults, all
    }

    /// The ending that is first in line; it may be another one by now, or the job be forgotten.
    func first(in line: Line) -> Ending? {
        switch line {
        case .withoutResults: withoutResults.first
        case .all: endings.first
        }
    }

    mutating func removeFirst(in line: Line) {
        switch line {
        case .withoutResults: withoutResults.removeFirst()
        case .all: endings.removeFirst()
        }
    }
}
