import JobModel

/// The result that a worker gave for a finished task of another one.
struct Opinion: Hashable, Sendable {
    let worker: WorkerID
    let fingerprint: UInt64
}

/// A finished task that another worker is to compute again.
///
///     done --selected--> waits for an auditor <-----------------------------+
///                          |                                                |
///                          | leased as one more attempt of the task         |
///                          v                                                |
///                        is computed again --the same result--> confirmed   |
///                          | another result                                 |
///                          v                                                |
///                        dissent ---- two workers that agree? --no----------+
///                                             | yes
///                                             v
///                        those that differ are quarantined; if the task's own result differs, the image starts over
///
/// The worker cannot tell an audit from any other attempt.
struct Audit: Hashable, Sendable {
    /// Opinions that differ from the task's result.
    var dissent: [Opinion] = []
    /// Attempts at a second opinion that ended without one.
    var failedAttempts: UInt32 = 0
}

/// What two workers that agree on another result show.
enum AuditFinding: Hashable, Sendable {
    /// Nothing is shown yet.
    case open
    /// The task's result is wrong. The dissenters gave a third one.
    case refuted(dissenters: Set<WorkerID>)
    /// Another result was given, and only workers that were found faulty stand for the task's own.
    case unsupported
}

/// An image that is done, and whose result may still be withdrawn.
struct RevocableResult: Hashable, Sendable {
    let index: UInt32
    /// Counts the results of the job.
    let number: UInt32
    /// The workers whose part in it nobody confirmed.
    let authors: [WorkerID]
}

/// Why a worker gets no more work.
struct Quarantine: Hashable, Sendable {
    /// What the worker called itself. Other runs of a worker of that name get no work either.
    let name: String
    /// The attempt that showed it, or that it was shown by.
    let evidence: LeaseID
    /// Milliseconds since 1970.
    let since: UInt64
}
