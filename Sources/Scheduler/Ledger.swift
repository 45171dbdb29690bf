import Pipelines
import JobModel

/// A record that does not fit the records before it: the journal is damaged, or another version wrote it.
public struct ReplayError: Error, Hashable, CustomStringConvertible {
    public let description: String
}

/// What one submission is known by: a token is its submitter's own.
struct Submission: Hashable, Sendable {
    let submitter: String
    let token: String

    init(submitter: String, token: String) {
        self.submitter = submitter
        self.token = token
    }

    init(_ job: JobDescription) { self.init(submitter: job.submitter, token: job.token) }
}

/// The scheduler's durable state: the fold of its records.
///
/// Changes only through `apply(_:)`, live and in replay alike, so that replaying the journal gives the same state by
/// construction: the scheduler keeps it behind `private(set)`, and touches it nowhere else.
struct Ledger: Sendable {
    var jobs: [JobID: JobEntry] = [:]
    var jobsBySubmission: [Submission: JobID] = [:]
    /// The jobs that are kept, in the order of submission.
    var jobOrder: [JobID] = []
    var blobs = BlobUses()
    var nextJob: JobID
    var totals = LedgerTotals()
    /// The work that is left. Its times are measured, and no part of the records; the amount is.
    var backlog = Backlog()
    /// The greatest worker identifier that may have been given out: the greatest that a record names or reserves.
    var latestWorker = WorkerID(0)
    /// Chooses the tasks that are audited; `nil` before the first job with audits.
    var auditSalt: AuditSalt?
    /// The workers that get no more work, because they computed wrong results.
    var quarantined: [WorkerID: Quarantine] = [:]
    /// The workers whose part in a result nobody confirmed, for results of jobs that were forgotten since and that answered
    /// identical requests of others: as long as one of these has the result.
    var inheritedAuthors: [BlobDigest: Set<WorkerID>] = [:]

    /// What the latest records brought about, for the caller of `apply` to take.
    var effects = Effects()
    /// Makes plans; holds nothing that it cannot make again.
    private var planner: any ImagePlanner

    struct Effects: Sendable {
        /// Blobs that nothing needed any longer at that point.
        var unneeded: [BlobDigest] = []
        /// Tasks that miss nothing any more.
        var ready: [TaskKey] = []
        /// Finished tasks that another worker is to compute again.
        var toAudit: [TaskKey] = []
    }

    init(planner: any ImagePlanner, nextJob: JobID) {
        self.planner = planner
        self.nextJob = nextJob
    }

    /// Reserves capacity for what that many records may name, so that replaying them does not grow it in steps.
    mutating func expect(recordCount: Int) { blobs.reserveCapacity(min(recordCount / 2, 1 << 21)) }

    func image(_ id: ImageID) -> ImageEntry? {
        guard let job = jobs[id.job], Int(id.index) < job.images.count else { return nil }
        return job.images[Int(id.index)]
    }

    func state(of id: ImageID) -> ImageState? {
        guard let job = jobs.index(forKey: id.job), Int(id.index) < jobs.values[job].images.count else { return nil }
        return jobs.values[job].images[Int(id.index)].state
    }

    func progress(of id: ImageID) -> ImageProgress? { jobs[id.job]?.progress[id.index] }

    mutating func takeEffects() -> Effects {
        defer { effects = Effects() }
        return effects
    }

    mutating func canonicalText(of pipeline: String) throws(PipelineError) -> String {
        try planner.canonicalText(of: pipeline)
    }

    /// - Parameter chunkByteCount: in place of what the job's options say.
    mutating func plan(
        _ job: JobDescription, _ image: AcceptedImage, chunkByteCount: UInt64? = nil
    ) throws(PipelineError) -> ImagePlan {
        try planner.plan(
            pipeline: image.coding.pipeline(job.pipeline), image: image,
            chunkByteCount: chunkByteCount ?? job.options.chunkByteCount)
    }

    /// The size of that plan, by arithmetic.
    mutating func planSize(
        _ job: JobDescription, _ image: AcceptedImage, chunkByteCount: UInt64? = nil
    ) throws(PipelineError) -> PlanSize {
        try planner.size(
            pipeline: image.coding.pipeline(job.pipeline), image: image,
            chunkByteCount: chunkByteCount ?? job.options.chunkByteCount)
    }

    /// The size of the plan of such an image is known.
    mutating func remember(_ size: PlanSize, of job: JobDescription, _ image: AcceptedImage) {
        planner.remember(
            size, pipeline: image.coding.pipeline(job.pipeline), image: image,
            chunkByteCount: job.options.chunkByteCount)
    }
}

/// Two ledgers are equal when they remember the same facts.
extension Ledger: Equatable {
    static func == (left: Ledger, right: Ledger) -> Bool {
        left.nextJob == right.nextJob && left.latestWorker == right.latestWorker && left.jobOrder == right.jobOrder
            && left.auditSalt == right.auditSalt && left.quarantined == right.quarantined
            && left.inheritedAuthors == right.inheritedAuthors
            && left.jobsBySubmission == right.jobsBySubmission && left.blobs == right.blobs && left.jobs == right.jobs
    }
}

// MARK: - The fold

extension Ledger {
    /// Adds one fact.
    mutating func apply(_ record: Record) throws(ReplayError) {
        switch record {
        case .jobOpened(let description): try jobOpened(description)
        case .imagesAdded(let job, let images): try imagesAdded(images, to: job)
        case .jobSealed(let job, let imageCount): try jobSealed(job, imageCount)
        case .attemptStarted(let lease, let worker): try attemptStarted(lease, worker)
        case .attemptEnded(let lease, let worker, let failure): try attemptEnded(lease, worker, failure)
        case .bandPublished(let task, let band, let blob, let worker):
            try bandPublished(task, Int(band), blob, by: worker)
        case .taskCompleted(let lease, let output, let worker): try taskCompleted(lease, output, by: worker)
        case .imageCompleted(let image, let result, let fromCache): try imageCompleted(image, result, fromCache)
        case .imageFailed(let image, let failure, let deadLettered): try imageFailed(image, failure, deadLettered)
        case .imageRedriven(let image): try imageRedriven(image)
        case .imageRestarted(let image): try imageRestarted(image)
        case .imageReplanned(let image, let chunkByteCount): try imageReplanned(image, chunkByteCount)
        case .jobRevised(let job, let revision): try jobRevised(job, revision)
        case .jobFinished(let job, let state, let time): try jobFinished(job, state, time)
        case .jobCancelled(let job, let time): try jobCancelled(job, time)
        case .jobForgotten(let job): try jobForgotten(job)
        case .workersReserved(let last): latestWorker = max(latestWorker, last)
        case .auditsSalted(let salt): auditSalt = auditSalt ?? salt
        case .taskAudited(let lease, let opinion): try taskAudited(lease, opinion)
        case .auditEnded(let task, let end): try auditEnded(task, end)
        case .imageWithdrawn(let image): try imageWithdrawn(image)
        case .resultsSettled(let job, let count): try resultsSettled(job, Int(count))
        case .workerQuarantined(let worker, let name, let evidence, let time):
            workerQuarantined(worker, Quarantine(name: name, evidence: evidence, since: time))
        case .workerReleased(let worker): quarantined[worker] = nil
        }
    }

    private func demand(_ holds: Bool, _ text: @autoclosure () -> String) throws(ReplayError) {
        if !holds { throw ReplayError(description: text()) }
    }

    mutating func release(_ blob: BlobReference) {
        guard blobs.release(blob) else { return }
        effects.unneeded.append(blob.digest)
        if !inheritedAuthors.isEmpty { inheritedAuthors[blob.digest] = nil }
    }

    // MARK: Jobs

    private mutating func jobOpened(_ description: JobDescription) throws(ReplayError) {
        try demand(jobs[description.id] == nil, "job \(description.id) was opened twice")
        // Words that mean something else today: the job keeps its meaning, and the plan that later records are of.
        let description = description.with(
            pipeline: PipelineHistory.current(
                description.pipeline, ofRevision: description.options.resultRevision))
        jobs[description.id] = JobEntry(description)
        jobsBySubmission[Submission(description)] = description.id
        jobOrder.append(description.id)
        totals.jobOpened(description)
        backlog.jobOpened(description)
        nextJob = max(nextJob, JobID(description.id.rawValue + 1))
    }

    private mutating func imagesAdded(_ images: [ImageDescription], to job: JobID) throws(ReplayError) {
        guard let description = jobs[job]?.description else {
            throw ReplayError(description: "images were added to the unknown job \(job)")
        }
        for image in images {
            try demand(
                Int(image.index) == jobs[job]?.images.count, "image \(job).\(image.index) was added out of order")
            switch image.admission {
            case .accepted(let accepted):
                let taskCount: UInt32
                do { taskCount = UInt32(clamping: try planSize(description, accepted).taskCount) } catch {
                    throw ReplayError(description: "image \(job).\(image.index) cannot be planned: \(error)")
                }
                let entry = ImageEntry(description: image, taskCount: taskCount, state: .waiting)
                jobs[job]?.images.append(entry)
                backlog.changed(job, from: .none, to: entry.work)
                jobs[job]?.counts.tasksTotal += UInt64(taskCount)
                jobs[job]?.counts.pixelsTotal += accepted.geometry.pixelCount
                totals.imageQueued(image.input)
                retainInput(of: ImageID(job: job, index: image.index))
            case .refused(let failure):
                jobs[job]?.images.append(
                    ImageEntry(description: image, taskCount: 0, state: .failed, failure: failure))
                jobs[job]?.counts.imagesFailed += 1
                if !blobs.isNeeded(image.input.digest) { effects.unneeded.append(image.input.digest) }
            }
            jobs[job]?.counts.images += 1
            totals.images += 1
        }
    }

    private mutating func jobSealed(_ job: JobID, _ imageCount: UInt32) throws(ReplayError) {
        try demand(
            jobs[job]?.counts.images == imageCount && jobs[job]?.isSealed == false,
            "job \(job) was sealed with \(imageCount) images")
        jobs[job]?.isSealed = true
        jobs[job]?.state = .running
    }

    private mutating func jobRevised(_ job: JobID, _ revision: UInt32) throws(ReplayError) {
        guard let running = jobs[job]?.progress.keys else {
            throw ReplayError(description: "the unknown job \(job) was revised")
        }
        jobs[job]?.resultRevision = revision
        for index in running.sorted() {
            let image = ImageID(job: job, index: index)
            dropProgress(of: image)
            update(image) { $0.state = .waiting }
        }
    }

    private mutating func jobFinished(_ job: JobID, _ state: JobState, _ time: UInt64) throws(ReplayError) {
        try demand(jobs[job]?.isComplete == true && state.isFinal, "job \(job) was finished as \(state.name)")
        jobs[job]?.state = state
        jobs[job]?.finishedAt = time
        countEnd(of: job)
    }

    private mutating func countEnd(of job: JobID) {
        if let description = jobs[job]?.description { totals.jobEnded(description) }
    }

    private mutating func jobCancelled(_ job: JobID, _ time: UInt64) throws(ReplayError) {
        guard let count = jobs[job]?.images.count, jobs[job]?.state.isFinal == false else {
            throw ReplayError(description: "job \(job) was cancelled, but is unknown or final")
        }
        for index in 0..<UInt32(count) {
            let image = ImageID(job: job, index: index)
            switch state(of: image) {
            case .waiting, .running:
                dropProgress(of: image)
                leaveQueue(image)
                releaseInput(of: image)
                update(image) {
                    $0.state = .cancelled; $0.reports = []
                }
                jobs[job]?.counts.imagesCancelled += 1
            case .deadLettered:
                // A cancelled job cannot be redriven: its dead letters are plain failures.
                releaseInput(of: image)
                update(image) { $0.state = .failed }
                totals.deadLetters -= 1
            case .done, .failed, .cancelled, nil: break
            }
        }
        jobs[job]?.state = .cancelled
        jobs[job]?.finishedAt = time
        countEnd(of: job)
    }

    private mutating func jobForgotten(_ job: JobID) throws(ReplayError) {
        guard let entry = jobs[job], entry.state.isFinal else {
            throw ReplayError(description: "job \(job) was forgotten, but is unknown or not final")
        }
        for image in entry.images {
            if let result = image.result { release(result) }
            if image.state == .deadLettered {
                releaseInput(of: ImageID(job: job, index: image.description.index))
                totals.deadLetters -= 1
            }
        }
        for index in entry.revocableNumbers.keys { releaseInput(of: ImageID(job: job, index: index)) }
        bequeathAuthors(of: entry)
        totals.images -= entry.images.count
        backlog.jobForgotten(job)
        jobs[job] = nil
        jobsBySubmission[Submission(entry.description)] = nil
        if let position = jobOrder.position(of: job) { jobOrder.remove(at: position) }
    }
}

extension [JobID] {
    /// The position of a job, of jobs that are in the order of their numbers.
    fileprivate func position(of job: JobID) -> Int? {
        let position = count(below: job)
        return position < count && self[position] == job ? position : nil
    }

    /// How many have lower numbers, of jobs that are in the order of their numbers.
    func count(below job: JobID) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = low + (high - low) / 2
            if self[middle] < job { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
