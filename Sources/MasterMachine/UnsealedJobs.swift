import JobModel

/// The jobs that are not complete yet, and whether their client is still there and does something for them.
///
/// A client that sends one large file says nothing of its job for hours: while bytes of it arrive, so does its job live. One that
/// is connected and sends nothing keeps its job for a while only, or jobs that nobody completes would fill the records.
public struct UnsealedJobs<Client: Hashable> {
    private enum Presence: Hashable {
        /// The connection that opened the job last, and when something was last done for the job.
        case here(Client, activeAt: Instant)
        /// The connection ended, or the master was started since.
        case away(since: Instant)
    }

    private var presences: [JobID: Presence] = [:]
    private var jobs: [Client: Set<JobID>] = [:]
    /// Jobs whose client went away, in the order of time. It may have come back since.
    private var departures: Queue<(job: JobID, since: Instant)> = []
    /// When to look whether the job of a client that is here is idle: one entry per job.
    private var looks: Queue<(job: JobID, due: Instant)> = []
    private var lookedAt: Set<JobID> = []

    public init() {}

    var count: Int { presences.count }
    /// Entries of the queues, for the tests of their bound.
    var entryCount: Int { departures.count + looks.count }

    /// Incomplete jobs that the client opened last.
    public func count(of client: Client) -> Int { jobs[client]?.count ?? 0 }

    /// A client opened the job, or returned to it on another connection.
    public mutating func opened(_ job: JobID, by client: Client?, at now: Instant) {
        ended(job)
        if let client {
            presences[job] = .here(client, activeAt: now)
            jobs[client, default: []].insert(job)
            if lookedAt.insert(job).inserted { looks.append((job, now)) }
        } else {
            depart(job, at: now)
        }
    }

    /// Something was done for the job, by whomever.
    public mutating func active(_ job: JobID, at now: Instant) {
        if case .here(let client, _) = presences[job] { presences[job] = .here(client, activeAt: now) }
    }

    /// The job was sealed or cancelled.
    public mutating func ended(_ job: JobID) {
        guard case .here(let client, _) = presences.removeValue(forKey: job) else { return }
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

    /// Takes out the jobs whose client has been away for longer than `timeout`, or here and idle for longer than `idleTimeout`
    /// (which is noticed up to as long again later).
    public mutating func abandoned(at now: Instant, after timeout: Duration, orIdle idleTimeout: Duration) -> [JobID] {
        var abandoned: [JobID] = []
        while let departure = departures.first, now - departure.since > timeout {
            departures.removeFirst()
            guard presences[departure.job] == .away(since: departure.since) else { continue }
            presences[departure.job] = nil
            abandoned.append(departure.job)
        }
        var rest = looks.count
        while rest > 0, let look = looks.first, look.due <= now {
            rest -= 1
            looks.removeFirst()
            guard case .here(_, let activeAt) = presences[look.job] else {
                lookedAt.remove(look.job)
                continue
            }
            if now - activeAt > idleTimeout {
                lookedAt.remove(look.job)
                ended(look.job)
                abandoned.append(look.job)
            } else {
                looks.append((look.job, activeAt + idleTimeout))
            }
        }
        return abandoned.sorted()
    }
}
