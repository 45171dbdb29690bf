import JobModel

/// The jobs that are not complete yet, and whether their client is still there.
///
/// A client that sends one large file says nothing of its job for hours: while its connection lives, so does the job.
public struct UnsealedJobs<Client: Equatable> {
    private struct Opening {
        /// The connection that opened the job last; `nil` when it has ended, or the master was started since.
        var client: Client?
        /// When the client was last known to be there, unless it still is.
        var lastSeen: Instant
    }

    private var openings: [JobID: Opening] = [:]

    public init() {}

    /// A client opened the job, or came back to it on another connection.
    public mutating func opened(_ job: JobID, by client: Client?, at now: Instant) {
        openings[job] = Opening(client: client, lastSeen: now)
    }

    /// The job was sealed or cancelled.
    public mutating func ended(_ job: JobID) { openings[job] = nil }

    /// Whether the job is known and not complete yet.
    public func contains(_ job: JobID) -> Bool { openings[job] != nil }

    /// The client's connection ended.
    public mutating func left(_ client: Client, at now: Instant) {
        for (job, opening) in openings where opening.client == client {
            openings[job] = Opening(client: nil, lastSeen: now)
        }
    }

    /// Takes out the jobs whose client has been away for longer than `timeout`.
    public mutating func abandoned(at now: Instant, after timeout: Duration) -> [JobID] {
        let jobs = openings.filter { $0.value.client == nil && now - $0.value.lastSeen > timeout }.keys.sorted()
        for job in jobs { openings[job] = nil }
        return jobs
    }
}
