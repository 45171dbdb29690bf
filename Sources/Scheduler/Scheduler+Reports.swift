import JobModel
import SeededFaults

// The reports of workers, before they are events. A report is evidence about its worker; only what agrees with the plan and with
// the store is evidence about its task.

extension Scheduler {
    /// A worker reported something.
    ///
    /// - Parameters:
    ///   - evidence: what the shell found when it looked at the report's blobs.
    ///   - missing: a blob of the report that is not in the store: as if the attempt had failed.
    /// - Returns: why the report was refused, when its attempt ended for that.
    public mutating func workerReported(
        _ report: WorkerReport, by worker: WorkerID, _ evidence: ReportEvidence, missing: BlobReference?,
        at now: Moment, into decision: inout Decision
    ) -> String? {
        refusal = nil
        if let missing {
            let failure = Failure(.workerError, "the result blob \(missing.digest) is not in the master's store")
            taskFailed(report.lease, by: worker, failure: failure, at: now, into: &decision)
        } else if taskInQuestion(report.lease) != nil, let objection = objection(to: report, evidence) {
            reportRefused(report.lease, by: worker, objection, at: now, into: &decision)
        } else {
            accepted(report, by: worker, at: now, into: &decision)
        }
        return refusal
    }

    private mutating func accepted(
        _ report: WorkerReport, by worker: WorkerID, at now: Moment, into decision: inout Decision
    ) {
        switch report {
        case .band(let lease, let index, let blob):
            bandPublished(lease, band: index, blob: blob, by: worker, at: now, into: &decision)
        case .finished(let lease, let output):
            taskFinished(lease, by: worker, output: output, at: now, into: &decision)
        case .failed(let lease, let failure) where failure.cause == .returned:
            leaseReturned(lease, by: worker, at: now, into: &decision)
        case .failed(let lease, let failure):
            taskFailed(lease, by: worker, failure: asReported(failure), at: now, into: &decision)
        }
    }

    /// The failure, as far as a worker can know of it.
    private func asReported(_ failure: Failure) -> Failure {
        let isBelieved = seeded(.masterCauseBelieved, true, else: failure.cause.isWorkersWord)
        if isBelieved { return failure }
        return Failure(
            .workerError, "the worker reported '\(failure.cause.code)', which the master decides: \(failure.reason)",
            outputTail: failure.outputTail)
    }
}
