import JobModel
import Scheduler

// What workers say.

extension Master {
    /// The answer to a registration, and what follows from it at once.
    public struct Registration {
        /// The worker's identifier from now on.
        public let worker: WorkerID
        /// Held leases that are no longer its own.
        public let dropped: [LeaseID]
        /// The link that the worker had before. To be closed now; what it still says counts for nothing.
        public let replaced: Link?
    }

    /// A worker registered on the link.
    public mutating func registered(
        _ registration: WorkerRegistration, on link: Link, at now: Moment
    ) throws(SchedulerRefusal) -> Registration {
        let answer = try decide { scheduler, decision throws(SchedulerRefusal) in
            try scheduler.workerRegistered(registration, at: now, into: &decision)
        }
        let replaced = links.registered(answer.worker, on: link)
        return Registration(worker: answer.worker, dropped: answer.dropped, replaced: replaced)
    }

    /// Whether the link is the worker's present one. Otherwise it was replaced, or the worker was declared dead: nothing
    /// that it says is the worker's word.
    public func isPresent(_ worker: WorkerID, on link: Link) -> Bool {
        links.isPresent(worker, on: link)
    }

    /// The link ended.
    ///
    /// - Returns: whether the worker is disconnected by it; `false` when it has another one.
    public mutating func disconnected(_ worker: WorkerID, on link: Link, at now: Moment) -> Bool {
        guard links.ended(worker, link) else { return false }
        decide { $0.workerDisconnected(worker, at: now, into: &$1) }
        return true
    }

    /// The worker listed the leases that it holds.
    ///
    /// - Parameter unreadyReason: why it cannot run tasks, by its own word; `nil` when it can.
    /// - Returns: the listed leases that are no longer its own.
    public mutating func heartbeat(
        of worker: WorkerID, held: [HeldLease], residentBytes: UInt64, unreadyReason: String? = nil, at now: Moment
    ) -> [LeaseID] {
        decide {
            $0.workerHeartbeat(
                worker, held: held, residentBytes: residentBytes, unreadyReason: unreadyReason, at: now, into: &$1)
        }
    }

    /// What the shell has to compare the bytes of a report with before it passes the report on; `nil` for nothing.
    public func expectedContent(of report: WorkerReport) -> ReportedContent? { scheduler.expectedContent(of: report) }

    /// The worker reported on a lease. A report that names a blob which is not in the store counts as a failed attempt, and so
    /// does one that cannot be true.
    ///
    /// - Parameter evidence: what the shell found when it looked at the report's blobs.
    /// - Returns: the missing blob, or why the report was refused.
    public mutating func reported(
        _ report: WorkerReport, by worker: WorkerID, _ evidence: ReportEvidence, at now: Moment
    ) -> (missing: BlobReference?, refusal: String?) {
        var missing: BlobReference?
        for blob in report.blobs where !isPresentAndPinned(blob.digest, at: now) {
            missing = missing ?? blob
        }
        let refusal = decide {
            $0.workerReported(report, by: worker, evidence, missing: missing, at: now, into: &$1)
        }
        return (missing, refusal)
    }

    /// The operator trusts quarantined workers again; see `Scheduler.workersReleased`.
    public mutating func released(_ name: String, at now: Moment) throws(SchedulerRefusal) -> [WorkerID] {
        try decide { scheduler, decision throws(SchedulerRefusal) in
            try scheduler.workersReleased(name, at: now, into: &decision)
        }
    }

    /// The worker, or the operator, wants it to take no new leases, or to take them again.
    public mutating func draining(_ worker: WorkerID, on isDraining: Bool, at now: Moment) {
        decide { $0.workerDraining(worker, on: isDraining, at: now, into: &$1) }
    }
}
