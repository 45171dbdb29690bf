import JobModel

/// Which attempts are running by the records alone, and who lost which since the last look.
struct LeaseBook {
    private var holders: [ImageID: [LeaseID: WorkerID]] = [:]
    /// Attempts that came to an end since the last look, with their worker.
    private var ended: [LeaseID: WorkerID] = [:]

    mutating func observe(_ record: Record) {
        switch record {
        case .attemptStarted(let lease, let worker):
            holders[lease.task.image, default: [:]][lease] = worker
            ended[lease] = nil
        case .attemptEnded(let lease, _, _): end(lease.task.image) { $0 == lease }
        case .taskCompleted(let lease, _, _): end(lease.task.image) { $0.task == lease.task }
        case .imageCompleted(let image, _, _), .imageFailed(let image, _, _), .imageRestarted(let image),
            .imageReplanned(let image, _), .imageWithdrawn(let image):
            end(image) { _ in true }
        case .taskAudited(let lease, _): end(lease.task.image) { $0 == lease }
        case .jobCancelled(let job, _), .jobRevised(let job, _):
            for image in holders.keys where image.job == job { end(image) { _ in true } }
        case .jobOpened, .imagesAdded, .jobSealed, .bandPublished, .imageRedriven, .jobFinished, .jobForgotten,
            .workersReserved, .auditsSalted, .auditEnded, .resultsSettled, .workerQuarantined, .workerReleased:
            break
        }
    }

    private mutating func end(_ image: ImageID, where isMeant: (LeaseID) -> Bool) {
        for (lease, worker) in holders[image] ?? [:] where isMeant(lease) {
            ended[lease] = worker
            holders[image]?[lease] = nil
        }
        if holders[image]?.isEmpty == true { holders[image] = nil }
    }

    /// Attempts that came to an end since the last look, in order.
    mutating func takeEnded() -> [(lease: LeaseID, worker: WorkerID)] {
        defer { ended = [:] }
        return ended.sorted { ($0.key.task.description, $0.key.attempt) < ($1.key.task.description, $1.key.attempt) }
            .map { (lease: $0.key, worker: $0.value) }
    }
}
