import JobModel
import Scheduler
import SeededFaults

/// Jobs that were forgotten before their time was over, because new ones needed their place.
public struct YieldedJobs: Hashable, Sendable {
    public internal(set) var count = 0
    /// The one that was forgotten last.
    public internal(set) var latest: JobID?
}

// Room in the records: jobs that have ended give way to new ones, the oldest first.

extension Master {
    /// Takes what was forgotten to make room since the last call; for the log.
    public mutating func takeYielded() -> YieldedJobs {
        defer { yielded = YieldedJobs() }
        return yielded
    }

    /// Decides on a request that needs that much room in the records. When they are full, jobs that have ended give way; when none
    /// may, the client is told when one will.
    mutating func makingRoom<Result>(
        jobs: Int, images: Int, at now: Moment,
        for event: (inout Scheduler, inout Decision) throws(SchedulerRefusal) -> Result
    ) throws(SchedulerRefusal) -> Result {
        do throws(SchedulerRefusal) {
            return try decide(event)
        } catch {
            guard case .overloaded(var overload) = error, overload.isOfRecords else { throw error }
            guard makeRoom(jobs: jobs, images: images, at: now) else {
                overload.roomAt = nextRoom.map { max(.zero, $0 - now.instant) }
                throw .overloaded(overload)
            }
            scheduler.refusalTakenBack()
            return try decide(event)
        }
    }

    /// Forgets jobs that have ended and may give way, until there is room for that many more.
    ///
    /// - Returns: whether there is.
    private mutating func makeRoom(jobs: Int, images: Int, at now: Moment) -> Bool {
        let limits = configuration.scheduler
        while true {
            let counters = scheduler.counters
            if counters.jobsKept + jobs <= limits.maximumJobs, counters.imagesKept + images <= limits.maximumImages {
                return true
            }
            guard let oldest = takeOldest(at: now) else { return false }
            try? forgotten(oldest, at: now)
            yielded.count += 1
            yielded.latest = oldest
        }
    }

    private mutating func takeOldest(at now: Moment) -> JobID? {
        dropOtherEndings()
        for line in KeptJobs.Line.allCases {
            guard let ending = kept.first(in: line),
                seeded(.keptJobsGiveWay, true, else: ending.yieldsAt <= now.instant)
            else { continue }
            kept.removeFirst(in: line)
            return ending.job
        }
        return nil
    }

    /// When the next job may give way; `nil` while none has ended.
    private var nextRoom: Instant? {
        mutating get {
            dropOtherEndings()
            return KeptJobs.Line.allCases.compactMap { kept.first(in: $0)?.yieldsAt }.min()
        }
    }

    /// A job that was forgotten or redriven since has not this ending any more.
    private mutating func dropOtherEndings() {
        for line in KeptJobs.Line.allCases {
            while let ending = kept.first(in: line),
                scheduler.jobSummary(ending.job)?.finishedAt != ending.finishedAt
            {
                kept.removeFirst(in: line)
            }
        }
    }

    /// Whether a connection may leave one more job incomplete.
    func admitUnsealed(by client: Client) throws(SchedulerRefusal) {
        let (have, limit) = (unsealed.count(of: client), configuration.maximumUnsealedJobsPerClient)
        guard have >= limit else { return }
        throw .overloaded(
            Overload(
                what: "incomplete jobs of this connection", need: 1, have: have, limit: limit,
                setting: "max-unsealed-jobs-per-connection", retryAfter: .seconds(1)))
    }
}
