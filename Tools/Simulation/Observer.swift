import JobModel
import Scheduler

/// Watches from outside and knows nothing of the scheduler's state: it reads the durable records and what is sent.
///
/// - What was durable once stays in the journal.
/// - Nothing is handed out before the attempt is durable, and no lease twice to different workers.
/// - No task is committed twice, unless its image started over; no image has two results.
/// - No result is accepted for a task that is done, or for an image that has ended.
/// - A result is the one that an undisturbed run has.
/// - The inputs of images that may still run, and the results of those that are done, are never deleted.
/// - No more jobs are open than there is room for.
/// - One token is one job; one worker identifier is one run of one worker.
struct Observer {
    private struct Image {
        let input: BlobDigest
        var coding = ImageCoding.standard
        var isFinal = false
        var result: BlobDigest?
        /// It is dead-lettered, and may be redriven.
        var keepsInput = false
    }

    private let maximumOpenJobs: Int
    private var attemptBook: AttemptBook
    private var leaseBook = LeaseBook()
    var auditBook = AuditBook()
    var segmentBook = SegmentBook()
    private var seenTransactions = 0
    private var seenRecords = 0
    private var attempts: [LeaseID: WorkerID] = [:]
    private var completed: Set<TaskID> = []
    private var completedOf: [ImageID: [TaskID]] = [:]
    private var images: [ImageID: Image] = [:]
    private var imageCounts: [JobID: UInt32] = [:]
    private var pipelines: [JobID: String] = [:]
    private var auditShares: [JobID: AuditShare] = [:]
    private var revisions: [JobID: UInt32] = [:]
    /// How many images need each blob.
    private var needed: [BlobDigest: Int] = [:]
    private var jobOfToken: [String: JobID] = [:]
    private var submitters: [JobID: String] = [:]
    private var names: [WorkerID: [Int]] = [:]
    private var toldNames: [WorkerID: [Int]] = [:]
    private var cancelled: Set<JobID> = []
    private(set) var sealed: Set<JobID> = []
    private(set) var ended: Set<JobID> = []
    private(set) var forgotten: Set<JobID> = []
    /// Leases of which their worker reported a failure, or a result whose blobs are not in the store.
    var reportedFailures: Set<LeaseID> = []
    /// The run of each image whose output file is being put together now.
    var assemblies: [ImageID: AttemptNumber] = [:]
    /// Workers that make false reports.
    var liars: Set<WorkerID> = []
    /// Jobs that a client was told are accepted.
    var acknowledged: Set<JobID> = []
    /// Jobs that a client asked to cancel, whether or not it was heard.
    var cancelRequested: Set<JobID> = []

    init(_ configuration: SchedulerConfiguration) {
        maximumOpenJobs = configuration.maximumOpenJobs
        attemptBook = AttemptBook(
            maximumLosses: configuration.maximumWorkerLosses, maximumRestarts: configuration.maximumRestarts)
    }

    /// A transaction is durable.
    mutating func observe(_ disk: JournalDisk, report: Report) {
        for transaction in disk.transactions[seenTransactions...] {
            checkWhole(transaction, report: report)
            for record in transaction {
                observe(record, report: report)
                attemptBook.observe(record, isAudit: auditBook.isDone, report: report)
                leaseBook.observe(record)
                segmentBook.observe(record)
                auditBook.observe(record, number: { names[$0]?.first }, report: report)
            }
            auditBook.transactionEnded(report: report)
            attemptBook.transactionEnded(isFinal: { images[$0]?.isFinal != false }, report: report)
            seenRecords += transaction.count
        }
        seenTransactions = disk.transactions.count
    }

    /// A master reads the journal.
    mutating func recovered(_ disk: JournalDisk, report: Report) {
        guard disk.transactions.count >= seenTransactions else {
            report(
                .durability,
                "the journal lost \(seenTransactions - disk.transactions.count) transactions that were durable")
            return
        }
        observe(disk, report: report)
        attemptBook.masterStarted()
    }

    /// Records that belong together are durable together: the result of a small image's only task is the image's result, unless
    /// the task is audited first.
    private func checkWhole(_ transaction: [Record], report: Report) {
        // An idle worker took a task over: the one attempt ended as the other began.
        for case .attemptEnded(let lease, _, let failure) in transaction where failure.cause == .movedToIdleWorker {
            let isTakenOver = transaction.contains { record in
                if case .attemptStarted(let other, _) = record { other.task == lease.task } else { false }
            }
            if !isTakenOver { report(.durability, "half a transaction is in the journal: nobody took \(lease) over") }
        }
        for case .taskCompleted(let lease, _, _) in transaction where lease.task.step == .whole {
            guard auditShares[lease.task.image.job] == AuditShare.none else { continue }
            let image = lease.task.image
            let isComplete = transaction.contains { record in
                if case .imageCompleted(image, _, _) = record { true } else { false }
            }
            if !isComplete {
                report(.durability, "half a transaction is in the journal: \(lease) is done, its image is not")
            }
        }
    }

    private mutating func observe(_ record: Record, report: Report) {
        switch record {
        case .jobOpened(let job):
            if imageCounts.count - ended.count >= maximumOpenJobs {
                report(.clients, "job \(job.id) is taken though \(maximumOpenJobs) are open")
            }
            imageCounts[job.id] = 0
            pipelines[job.id] = job.pipeline
            auditShares[job.id] = job.options.auditShare
            submitters[job.id] = job.submitter
            revisions[job.id] = job.options.resultRevision
        case .imagesAdded(let job, let added):
            for description in added {
                let id = ImageID(job: job, index: description.index)
                images[id] = Image(input: description.input.digest)
                if case .accepted(let accepted) = description.admission { images[id]?.coding = accepted.coding }
                switch description.admission {
                case .accepted: needed[description.input.digest, default: 0] += 1
                // It has ended here, and needs nothing.
                case .refused: images[id]?.isFinal = true
                }
            }
            imageCounts[job, default: 0] += UInt32(added.count)
        case .jobSealed(let job, _): sealed.insert(job)
        case .attemptStarted(let lease, let worker):
            // A worker that a restarted master does not know continues under another identifier.
            if let other = attempts.updateValue(worker, forKey: lease), names[other] != names[worker] {
                report(.commits, "lease \(lease) was given to \(other) and to \(worker)")
            }
        case .bandPublished(let task, _, _, _):
            if images[task.image]?.isFinal != false { report(.commits, "a band of \(task.image) came after its end") }
        case .taskCompleted(let lease, _, _):
            if attempts[lease] == nil { report(.commits, "\(lease) was completed, but never handed out") }
            if images[lease.task.image]?.isFinal != false {
                report(.commits, "\(lease) was accepted after its image's end")
            }
            if !completed.insert(lease.task).inserted { report(.commits, "\(lease.task) was completed twice") }
            completedOf[lease.task.image, default: []].append(lease.task)
        case .attemptEnded(let lease, let worker, let failure):
            if attempts[lease] == nil { report(.commits, "\(lease) ended, but was never handed out") }
            if failure.reason.hasPrefix(Lie.text), failure.cause.isMasters {
                report(
                    .attempts, "\(worker) said of \(lease) that it ended as '\(failure.cause.code)', and is believed")
            }
            if failure.cause == .workerError, !liars.contains(worker), !reportedFailures.contains(lease) {
                report(.results, "\(worker) did nothing wrong with \(lease), and is told that \(failure.reason)")
            }
        case .imageCompleted(let image, let result, _):
            if let input = images[image]?.input, let coding = images[image]?.coding,
                let pipeline = pipelines[image.job],
                let revision = revisions[image.job],
                case let isWrong = result != .result(of: pipeline, on: input, coding, revision: revision)
            {
                auditBook.checkResult(image, isWrong: isWrong, report: report)
            }
            end(image, result: result.digest, keepsInput: false, report: report)
        case .imageFailed(let image, let failure, let deadLettered):
            if !deadLettered, images[image]?.isFinal == false, !failure.cause.isOfTheImage {
                report(.attempts, "image \(image) failed for what only the master decides: \(failure.reason)")
            }
            // Given up by the operator, it has ended before.
            if deadLettered || images[image]?.isFinal == false {
                end(image, result: nil, keepsInput: deadLettered, report: report)
            }
        case .imageRedriven(let image), .imageRestarted(let image), .imageReplanned(let image, _):
            images[image]?.isFinal = false
            for task in completedOf.removeValue(forKey: image) ?? [] { completed.remove(task) }
            ended.remove(image.job)
        case .imageWithdrawn(let image): withdraw(image)
        case .jobRevised(let job, let revision):
            revisions[job] = revision
            for image in completedOf.keys where image.job == job && images[image]?.isFinal == false {
                for task in completedOf.removeValue(forKey: image) ?? [] { completed.remove(task) }
            }
        case .jobFinished(let job, _, _): ended.insert(job)
        case .jobCancelled(let job, _):
            cancelled.insert(job)
            ended.insert(job)
            for index in 0..<imageCounts[job, default: 0] {
                let image = ImageID(job: job, index: index)
                if images[image]?.isFinal == false { end(image, result: nil, keepsInput: false, report: report) }
                // A cancelled job cannot be redriven: its dead letters are plain failures.
                if let entry = images[image], entry.keepsInput {
                    images[image]?.keepsInput = false
                    release(entry.input)
                }
            }
        case .jobForgotten(let job):
            if !ended.contains(job) { report(.commits, "job \(job) was forgotten before its end") }
            forgotten.insert(job)
            for index in 0..<imageCounts[job, default: 0] {
                guard let image = images.removeValue(forKey: ImageID(job: job, index: index)) else { continue }
                if let result = image.result { release(result) }
                if image.keepsInput { release(image.input) }
            }
        case .taskAudited(let lease, _):
            if attempts[lease] == nil { report(.commits, "\(lease) was an audit, but never handed out") }
        case .workersReserved, .auditsSalted, .auditEnded, .resultsSettled, .workerQuarantined, .workerReleased: break
        }
    }

    private mutating func withdraw(_ image: ImageID) {
        for task in completedOf.removeValue(forKey: image) ?? [] { completed.remove(task) }
        guard let entry = images[image], entry.isFinal else { return }
        if let result = entry.result { release(result) }
        images[image]?.result = nil
        // A cancelled job is not continued.
        guard !cancelled.contains(image.job) else { return }
        images[image]?.isFinal = false
        needed[entry.input, default: 0] += 1
        ended.remove(image.job)
    }

    private mutating func end(_ image: ImageID, result: BlobDigest?, keepsInput: Bool, report: Report) {
        guard let entry = images[image], !entry.isFinal else {
            report(.commits, "image \(image) ended twice")
            return
        }
        images[image]?.isFinal = true
        images[image]?.result = result
        images[image]?.keepsInput = keepsInput
        if let result { needed[result, default: 0] += 1 }
        if !keepsInput { release(entry.input) }
    }

    private mutating func release(_ digest: BlobDigest) {
        needed[digest, default: 0] -= 1
        if needed[digest] == 0 { needed[digest] = nil }
    }

    /// Whether the image has ended, and will not be redriven; its result may still be withdrawn.
    func isOver(_ id: ImageID) -> Bool {
        guard let image = images[id] else { return forgotten.contains(id.job) }
        return image.isFinal && !image.keepsInput
    }

    /// What a worker's identifier stands for.
    func run(of identifier: WorkerID) -> WrongResults.Run? {
        names[identifier].map { WrongResults.Run(worker: $0[0], run: $0[1]) }
    }

    // MARK: What is sent and done

    /// Attempts that came to an end since the last look.
    mutating func takeEndedLeases() -> [(lease: LeaseID, worker: WorkerID)] { leaseBook.takeEnded() }

    func granting(_ lease: LeaseID, to worker: WorkerID, report: Report) {
        if attempts[lease] != worker {
            report(.order, "\(lease) is handed out to \(worker) before its attempt is durable")
        }
    }

    func deleting(_ digest: BlobDigest, report: Report) {
        if needed[digest] != nil {
            report(.blobs, "blob \(digest) is deleted, but \(needed[digest] ?? 0) images need it")
        }
    }

    mutating func opened(_ job: JobID, _ opening: JobOpening, report: Report) {
        let token = "\(opening.submitter)/\(opening.token)"
        if let submitter = submitters[job], submitter != opening.submitter {
            report(.clients, "job \(job) of \(submitter) was given to \(opening.submitter)")
        }
        if let other = jobOfToken.updateValue(job, forKey: token), other != job, !forgotten.contains(other) {
            report(.clients, "token \(token) is job \(other) and job \(job)")
        }
    }

    /// The master gives the worker an identifier; when it stops before the commit, nobody is told of it.
    mutating func named(_ identifier: WorkerID, worker: Int, run: Int) {
        names[identifier] = [worker, run]
        auditBook.registered(identifier) { names[$0]?.first }
    }

    mutating func toldItsName(_ identifier: WorkerID, worker: Int, run: Int, report: Report) {
        if let other = toldNames.updateValue([worker, run], forKey: identifier), other != [worker, run] {
            report(
                .clients, "\(identifier) is run \(other[1]) of worker \(other[0]) and run \(run) of worker \(worker)")
        }
    }

    /// At the end, when nothing goes wrong any more: lost = acknowledged - finished.
    func checkEnd(blobs: Set<BlobDigest>, report: Report) {
        for job in acknowledged.sorted() {
            if !sealed.contains(job) { report(.durability, "job \(job) was acknowledged and is not in the journal") }
            if !ended.contains(job) { report(.liveness, "job \(job) was acknowledged and has not ended") }
            if cancelled.contains(job) && !cancelRequested.contains(job) {
                report(.clients, "job \(job) was acknowledged, and cancelled though nobody asked")
            }
        }
        for (image, entry) in images.sorted(by: { $0.key < $1.key }) {
            if let result = entry.result, !blobs.contains(result) {
                report(.blobs, "the result of image \(image) is gone")
            }
            if !entry.isFinal { report(.liveness, "image \(image) has not ended") }
        }
    }
}
