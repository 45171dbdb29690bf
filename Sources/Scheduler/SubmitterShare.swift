import JobModel

/// One submitter's part of a priority: what was handed out to it, and its jobs that have ready tasks.
///
/// Its jobs wait in two lanes, and the lanes share by pixels as submitters do: a small job need not wait for a batch of the
/// same person, and a flood of small jobs leaves the batch half. Within a lane the jobs come in the order of submission.
struct SubmitterShare: Sendable {
    private struct LaneShare: Sendable {
        var virtualTime: UInt64 = 0
        var jobs = RevocableHeap<JobID>()
    }

    var virtualTime: UInt64
    private var interactive = LaneShare()
    private var batch = LaneShare()
    /// Where a lane that was empty starts: the virtual time of the lane that was served last.
    private var laneClock: UInt64 = 0

    init(virtualTime: UInt64) { self.virtualTime = virtualTime }

    var isIdle: Bool { interactive.jobs.isEmpty && batch.jobs.isEmpty }

    /// The job whose task is next; `nil` when idle.
    mutating func first() -> JobID? {
        let isInteractiveNext =
            batch.jobs.isEmpty || (!interactive.jobs.isEmpty && interactive.virtualTime <= batch.virtualTime)
        laneClock = isInteractiveNext ? interactive.virtualTime : batch.virtualTime
        return isInteractiveNext ? interactive.jobs.first() : batch.jobs.first()
    }

    mutating func insert(_ job: JobID, in lane: Lane) {
        let clock = laneClock
        change(lane) { share in
            if share.jobs.isEmpty { share.virtualTime = max(share.virtualTime, clock) }
            share.jobs.insert(job)
        }
    }

    mutating func remove(_ job: JobID, from lane: Lane) { change(lane) { $0.jobs.remove(job) } }

    /// The submitter was given `pixels` pixels of work for a job of `lane`.
    mutating func charge(_ pixels: UInt64, to lane: Lane) {
        virtualTime += pixels
        change(lane) { $0.virtualTime += pixels }
    }

    private mutating func change(_ lane: Lane, _ change: (inout LaneShare) -> Void) {
        switch lane {
        case .interactive: change(&interactive)
        case .batch: change(&batch)
        }
    }
}
