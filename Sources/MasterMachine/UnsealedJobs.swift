import JobModel

/// The jobs that are not complete yet, and whether their client is still there.
///
/// A client that sends one large file says nothing of its job for hours: while its connection lives, so does the job.
public struct UnsealedJobs<Client: Hashable> {
    private enum Presence: Hashable {
        /// The connection that opened the job last.
        case here(Client)
        /// The connection ended, or the master was started since.
        case away(since: Instant)
    }

    private var presences: [JobID: Presence] = [:]
    private var jobs: [Client: Set<JobID>] = [:]
    /// Jobs whose client went away, in the order of time. It may have come back since.
    private var departures: Queue<(job: JobID, since: Instant)> = []

    public init() {}

    var count: Int { presences.count }

    /// A client opened the job, or returned to it on another connection.
    public mutating func opened(_ job: JobID, by client: Client?, at now: Instant) {
        ended(job)
        if let client {
            presences[job] = .here(client)
            jobs[client, default: []].insert(job)
        } else {
            depart(job, at: now)
        }
    }

    /// The job was sealed or cancelled.
    public mutating func ended(_ job: JobID) {
        guard case .here(let client) = presences.removeValue(forKey: job) else { return }
        jobs[client]?.remove(job)
        if jobs[client]?.isEmpty == true { jobs[client] = nil }
    }

    /// Whether the job is known and not complete yet.
    public func contains(_ job: JobID) -> Bool { presences[job] != nil }

    /// The client's connection ended.
    public mutating func left(_ client: Client, at now: Instant) {
        for job in (jobs.removeValue(forKey: client) ?? []).sorted() { depart(job, at: now) }
    }

    private mutating func depart(_ job: JobID, at now: Instant) {
        presences[job] = .away(since: now)
        departures.append((job, now))
    }

    /// Takes out the jobs whose client has been away for longer than `timeout`.
    public mutating func abandoned(at now: Instant, after timeout: Duration) -> [JobID] {
        var abandoned: [JobID] = []
        while let departure = departures.first, now - departure.since > timeout {
            departures.removeFirst()
            guard presences[departure.job] == .away(since: departure.since) else { continue }
            presences[departure.job] = nil
            abandoned.append(departure.job)
        }
        return abandoned.sorted()
    }
}
