import JobModel
import Scheduler

extension Scheduler {
    /// A worker reported something.
    ///
    /// - Parameter missing: a blob of the report that is not in the store: as if the attempt had failed.
    public mutating func workerReported(
        _ report: WorkerReport, by worker: WorkerID, missing: BlobReference?, at now: Moment,
        into decision: inout Decision
    ) {
        if let missing {
            let failure = Failure(.workerError, "the result blob \(missing.digest) is not in the master's store")
            taskFailed(report.lease, by: worker, failure: failure, at: now, into: &decision)
            return
        }
        switch report {
        case .band(let lease, let index, let blob):
            bandPublished(lease, band: index, blob: blob, by: worker, at: now, into: &decision)
        case .finished(let lease, let output):
            taskFinished(lease, by: worker, output: output, at: now, into: &decision)
        case .failed(let lease, let failure) where failure.cause == .returned:
            leaseReturned(lease, by: worker, at: now, into: &decision)
        case .failed(let lease, let failure):
            taskFailed(lease, by: worker, failure: failure, at: now, into: &decision)
        }
    }
}
