import JobModel
import MasterMachine

/// Watches how long the results of jobs that have ended are kept: not shorter than promised, whatever the wall clock says.
struct KeptBook {
    /// How long they are kept in any case.
    let duration: Duration
    private var endings: [JobID: Instant] = [:]
    private var masterStart = Instant.zero
    /// What the operator asked to forget, at any time.
    var givenUp: Set<JobID> = []

    /// - Parameter leastDuration: when others need the room.
    init(duration: Duration, leastDuration: Duration) { self.duration = min(duration, leastDuration) }

    mutating func masterStarted(at now: Instant) { masterStart = now }

    /// A transaction is durable.
    mutating func observe(_ transaction: [Record], at now: Instant, report: Report) {
        for record in transaction {
            switch record {
            case .jobFinished(let job, _, _), .jobCancelled(let job, _): endings[job] = now
            case .jobForgotten(let job) where !givenUp.contains(job):
                // How long it has been since an ending before its start, the master has from the wall clock.
                let sinceStart = masterStart + min(duration, KeptJobs.leastAfterStart)
                let ending = endings[job] ?? masterStart
                let due = ending < masterStart ? min(ending + duration, sinceStart) : ending + duration
                if now < due { report(.blobs, "job \(job) was forgotten \(due - now) before its time") }
            default: break
            }
        }
    }
}
