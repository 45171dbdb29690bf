import JobModel
import Protocol
import Scheduler
import Transport

/// The clients that watch jobs. Changes are told at most ten times per second, the last one always.
struct Watchers {
    static let interval = Duration.milliseconds(100)

    private struct Watcher {
        let connection: ControlConnection
        let stream: UInt32
    }

    private var watchers: [JobID: [Watcher]] = [:]
    private var changedJobs: Set<JobID> = []
    private var lastFlush = Instant.zero

    /// When `flush` has something to tell; `nil` while nothing changed.
    var nextFlush: Instant? { changedJobs.isEmpty ? nil : lastFlush + Self.interval }

    mutating func add(_ connection: ControlConnection, stream: UInt32, to job: JobID) {
        watchers[job, default: []].append(Watcher(connection: connection, stream: stream))
    }

    mutating func remove(_ connection: ControlConnection, from job: JobID) {
        watchers[job]?.removeAll { $0.connection === connection }
        if watchers[job]?.isEmpty == true { watchers[job] = nil }
    }

    mutating func remove(_ connection: ControlConnection) {
        for job in Array(watchers.keys) { remove(connection, from: job) }
    }

    mutating func changed(_ job: JobID) {
        if watchers[job] != nil { changedJobs.insert(job) }
    }

    /// Sends what changed, if the last time is long enough ago.
    mutating func flush(at now: Instant, summary: (JobID) -> JobSummary?) {
        guard let due = nextFlush, due <= now else { return }
        lastFlush = now
        for job in changedJobs { tell(job, summary(job)) }
        changedJobs.removeAll(keepingCapacity: true)
    }

    /// Tells the job's watchers at once that it is final, without the delay of `interval`.
    mutating func ended(_ summary: JobSummary) {
        changedJobs.remove(summary.description.id)
        tell(summary.description.id, summary)
    }

    /// Sends the summary; a final one is the last.
    private mutating func tell(_ job: JobID, _ summary: JobSummary?) {
        guard let summary else {
            let refusal = WireRefusal(.notFound, "job \(job) was forgotten while it was watched")
            for watcher in watchers.removeValue(forKey: job) ?? [] {
                watcher.connection.send(.refused(refusal), stream: watcher.stream)
            }
            return
        }
        for watcher in watchers[job] ?? [] {
            watcher.connection.send(.jobSummary(WireJobSummary(summary)), stream: watcher.stream)
        }
        if summary.state.isFinal { watchers[job] = nil }
    }
}
