/// A mistake that somebody could make in the shell around the scheduler; the checkers must find each.
public enum PlantedBug: String, CaseIterable, Sendable {
    /// Replies and grants leave before the records behind them are durable.
    case acknowledgeBeforeCommit = "acknowledge-before-commit"
    /// Only the grants leave early: an attempt is counted after it was handed out.
    case grantBeforeCommit = "grant-before-commit"
    /// The journal calls a transaction durable without syncing it.
    case journalDoesNotSync = "journal-does-not-sync"
    /// Recovery keeps the part of a torn transaction that reached the disk.
    case tornTransactionKept = "torn-transaction-kept"
    /// A transaction that was slow is written again.
    case transactionWrittenTwice = "transaction-written-twice"
    /// A closed connection does not requeue the worker's leases.
    case disconnectForgotten = "disconnect-forgotten"
    /// The end of an old connection counts for the worker's new one.
    case oldConnectionEndsNewOne = "old-connection-ends-new-one"
    /// The scheduler is not woken when it asked to be.
    case lostWakeUp = "lost-wake-up"
    /// Deadlines are kept by the wall clock.
    case wallClockLeases = "wall-clock-leases"
    /// A restarted master gives out worker identifiers that are in use.
    case workerIdentifiersReused = "worker-identifiers-reused"
    /// After a restart nothing is queued again.
    case recoveryForgotten = "recovery-forgotten"
    /// The client's token is not compared.
    case tokenIgnored = "token-ignored"
    /// A blob is deleted without asking whether it is needed again.
    case deletesWithoutAsking = "deletes-without-asking"
    /// The end of a job's submission is acknowledged and not kept.
    case sealNotKept = "seal-not-kept"
    /// The assembled file of an image is not reported.
    case assemblyNotReported = "assembly-not-reported"
}
