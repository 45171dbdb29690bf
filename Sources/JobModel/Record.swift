/// One durable fact. The scheduler's durable state is the fold of these, in order; the journal keeps them.
public enum Record: Hashable, Sendable {
    case jobOpened(JobDescription)
    case imagesAdded(JobID, [ImageDescription])
    /// The client said that all `imageCount` images are in: the job is accepted.
    case jobSealed(JobID, imageCount: UInt32)
    /// Written before the lease is handed out.
    case attemptStarted(LeaseID, worker: WorkerID)
    /// - Parameter worker: its author, unless that is the holder of the task's only running attempt.
    case bandPublished(TaskID, band: UInt32, blob: BlobReference, by: WorkerID? = nil)
    /// - Parameter worker: its author, unless that is the holder of the lease.
    case taskCompleted(LeaseID, output: TaskOutput, by: WorkerID? = nil)
    case attemptEnded(LeaseID, worker: WorkerID, failure: Failure)
    /// The image's output file exists, whether just computed or answered from a kept result.
    case imageCompleted(ImageID, result: BlobReference, fromCache: Bool)
    /// The image ended without a result; `deadLettered` when its attempts are used up and a redrive may help.
    case imageFailed(ImageID, failure: Failure, deadLettered: Bool)
    /// A dead-lettered or failed image starts over with no attempts counted.
    case imageRedriven(ImageID)
    /// Intermediate blobs of the image were lost: its tasks start over.
    case imageRestarted(ImageID)
    /// No worker has the memory for the image's tasks as they were planned: it starts over in chunks of that many raw bytes.
    case imageReplanned(ImageID, chunkByteCount: UInt64)
    /// From here on the job's results are of another release's revision: images that were begun start over.
    case jobRevised(JobID, resultRevision: UInt32)
    case jobFinished(JobID, state: JobState, at: UInt64)
    case jobCancelled(JobID, at: UInt64)
    /// The job and all its records go; blobs only it needed become garbage.
    case jobForgotten(JobID)
    /// The worker identifiers up to this one may have been given out. Written before the first of them is.
    case workersReserved(through: WorkerID)
    /// What decides, with a task's name, whether the task is audited. Written once, before the first job with audits.
    case auditsSalted(AuditSalt)
    /// Another worker computed a finished task again; `opinion` is the fingerprint of what it gave.
    case taskAudited(LeaseID, opinion: UInt64)
    /// The task stays as it is without a second opinion.
    case auditEnded(TaskID, AuditEnd)
    /// A worker that took part in the image was found faulty: what there is of its result does not count, and it starts over.
    case imageWithdrawn(ImageID)
    /// The job's first `count` images that could still be withdrawn can no longer be: their inputs go.
    case resultsSettled(JobID, count: UInt32)
    /// The worker gave another result than two others that agree, for the task of `evidence`: it gets no more work.
    case workerQuarantined(WorkerID, name: String, evidence: LeaseID, at: UInt64)
    /// The operator trusts the worker again.
    case workerReleased(WorkerID)

    /// The job that the fact is about; `nil` when it is about none.
    public var job: JobID? {
        switch self {
        case .jobOpened(let description): description.id
        case .imagesAdded(let job, _), .jobSealed(let job, _), .jobFinished(let job, _, _), .jobCancelled(let job, _),
            .jobForgotten(let job), .jobRevised(let job, _), .resultsSettled(let job, _):
            job
        case .attemptStarted(let lease, _), .taskCompleted(let lease, _, _), .attemptEnded(let lease, _, _),
            .taskAudited(let lease, _):
            lease.task.image.job
        case .bandPublished(let task, _, _, _), .auditEnded(let task, _): task.image.job
        case .imageCompleted(let image, _, _), .imageFailed(let image, _, _), .imageRedriven(let image),
            .imageRestarted(let image), .imageReplanned(let image, _), .imageWithdrawn(let image):
            image.job
        case .workersReserved, .auditsSalted, .workerQuarantined, .workerReleased: nil
        }
    }
}
