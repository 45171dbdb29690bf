import JobModel

/// Counts every task's attempts by the records alone, and compares with what became of its image.
struct AttemptBook {
    private struct Count {
        var failures: UInt32 = 0
        var losses: UInt32 = 0
        /// Times that it was given back in a row, since the present master started.
        var returns = 0
        /// The attempt that was lost last: should its worker come back, it was not lost.
        var lost: LeaseID?
    }

    /// By image, then by task: an image that starts over starts to count again.
    private var counts: [ImageID: [TaskID: Count]] = [:]
    private var restarts: [ImageID: UInt32] = [:]
    private var maximumAttempts: [JobID: UInt32] = [:]
    /// Tasks whose attempts ended in the present transaction.
    private var ended: [LeaseID] = []
    private var neverRetried: [LeaseID] = []
    private let maximumLosses: UInt32
    private let maximumRestarts: UInt32

    init(maximumLosses: UInt32, maximumRestarts: UInt32) {
        self.maximumLosses = maximumLosses
        self.maximumRestarts = maximumRestarts
    }

    /// - Parameter isAudit: whether the task is done, so that an attempt at it is only a second opinion.
    mutating func observe(_ record: Record, isAudit: (TaskID) -> Bool, report: Report) {
        switch record {
        case .jobOpened(let job): maximumAttempts[job.id] = job.options.maximumAttempts
        case .attemptStarted(let lease, _):
            if counts[lease.task.image]?[lease.task]?.lost == lease {
                counts[lease.task.image]?[lease.task]?.losses -= 1
            }
            counts[lease.task.image]?[lease.task]?.lost = nil
        case .attemptEnded(let lease, _, let failure):
            if !isAudit(lease.task) { attemptEnded(lease, failure, report: report) }
        case .imageFailed(let image, let failure, let deadLettered):
            if deadLettered, failure.cause != .disputed { checkUsedUp(image, failure, report: report) }
            counts[image] = nil
        case .imageRestarted(let image):
            counts[image] = nil
            restarts[image, default: 0] += 1
        case .jobRevised(let job, _):
            for image in counts.keys where image.job == job { counts[image] = nil }
        case .imageRedriven(let image):
            counts[image] = nil
            restarts[image] = nil
        case .imageCompleted(let image, _, _), .imageReplanned(let image, _), .imageWithdrawn(let image):
            counts[image] = nil
        case .imagesAdded, .jobSealed, .bandPublished, .taskCompleted, .jobFinished, .jobCancelled, .jobForgotten,
            .workersReserved, .auditsSalted, .taskAudited, .auditEnded, .resultsSettled, .workerQuarantined,
            .workerReleased:
            break
        }
    }

    private mutating func attemptEnded(_ lease: LeaseID, _ failure: Failure, report: Report) {
        var count = counts[lease.task.image]?[lease.task] ?? Count()
        switch failure.cause.charge {
        case .loss:
            count.losses += 1
            count.lost = lease
        case .failure: count.failures += 1
        case .final: neverRetried.append(lease)
        case .free:
            if failure.cause == .returned { count.returns += 1 }
            if count.returns > Self.mostReturns {
                report(.attempts, "\(lease.task) was given back \(count.returns) times, and is handed out again")
            }
        }
        counts[lease.task.image, default: [:]][lease.task] = count
        ended.append(lease)
    }

    private static var mostReturns: Int { 16 }

    /// A master counts returns from its start on.
    mutating func masterStarted() {
        for image in counts.keys {
            counts[image] = counts[image]?.mapValues { count in
                var count = count
                count.returns = 0
                return count
            }
        }
    }

    /// What is dead-lettered after an attempt has used up its attempts.
    private func checkUsedUp(_ image: ImageID, _ failure: Failure, report: Report) {
        guard case let restarts = restarts[image, default: 0], restarts < maximumRestarts else { return }
        let allowed = maximumAttempts[image.job, default: 1]
        let isUsedUp = (counts[image] ?? [:]).values.contains { $0.failures >= allowed || $0.losses >= maximumLosses }
        if !isUsedUp { report(.attempts, "image \(image) is dead-lettered with attempts left: \(failure.reason)") }
    }

    /// The transaction is over: whose attempts are used up has ended.
    mutating func transactionEnded(isFinal: (ImageID) -> Bool, report: Report) {
        for lease in ended {
            guard let count = counts[lease.task.image]?[lease.task], !isFinal(lease.task.image) else { continue }
            let allowed = maximumAttempts[lease.task.image.job, default: 1]
            if count.failures >= allowed || count.losses >= maximumLosses {
                report(
                    .attempts,
                    "\(lease.task) continues after \(count.failures) failed and \(count.losses) lost attempts")
            }
        }
        for lease in neverRetried where !isFinal(lease.task.image) {
            report(.attempts, "\(lease.task) is tried again, though it can never succeed")
        }
        ended.removeAll(keepingCapacity: true)
        neverRetried.removeAll(keepingCapacity: true)
    }
}

extension FailureCause {
    /// Whether only the master decides it.
    var isMasters: Bool {
        switch self {
        case .workerLost, .cancelled, .movedToIdleWorker, .disputed, .workerQuarantined: true
        case .corruptInput, .overLimit, .unsuitable, .rankLost, .hung, .workerError, .returned: false
        }
    }

    /// Whether an image may fail for it at once: what a worker can find out about an image.
    var isOfTheImage: Bool {
        switch self {
        case .corruptInput, .overLimit, .unsuitable: true
        case .rankLost, .workerLost, .hung, .workerError, .returned, .cancelled, .movedToIdleWorker, .disputed,
            .workerQuarantined:
            false
        }
    }
}
