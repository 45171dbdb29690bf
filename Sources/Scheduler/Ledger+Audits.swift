import JobModel
import SeededFaults

// The part of the fold that concerns audits, and the workers that they show to be faulty.

extension Ledger {
    // MARK: Records

    mutating func taskAudited(_ lease: LeaseID, _ opinion: UInt64) throws(ReplayError) {
        guard let salt = auditSalt else { throw Self.noTask(lease.task) }
        let isConfirmed = try changeProgress(of: lease.task) { progress throws(ReplayError) in
            try progress.taskAudited(lease.task.step, attempt: lease.attempt, opinion, salt)
            return progress.plan.task(at: lease.task.step).map { progress.tasks[$0].isConfirmed } ?? false
        }
        if isConfirmed { jobs[lease.task.image.job]?.counts.tasksAudited += 1 }
    }

    mutating func auditEnded(_ task: TaskID, _ end: AuditEnd) throws(ReplayError) {
        try changeProgress(of: task) { progress throws(ReplayError) in try progress.auditEnded(task.step) }
        jobs[task.image.job]?.counts.auditsSkipped += 1
    }

    mutating func imageWithdrawn(_ image: ImageID) throws(ReplayError) {
        switch state(of: image) {
        case .running:
            dropProgress(of: image)
            update(image) { $0.state = .waiting }
        case .done: try resultWithdrawn(image)
        case .waiting, .failed, .deadLettered, .cancelled, nil:
            throw ReplayError(description: "image \(image) was withdrawn, but is neither running nor done")
        }
    }

    private mutating func resultWithdrawn(_ image: ImageID) throws(ReplayError) {
        guard let entry = self.image(image), let result = entry.result, let job = jobs[image.job]?.description,
            let state = jobs[image.job]?.state,
            jobs[image.job]?.revocableNumbers.removeValue(forKey: image.index) != nil
        else { throw ReplayError(description: "the result of image \(image) cannot be withdrawn any more") }
        release(result)
        jobs[image.job]?.withdrawn[image.index] = result
        let isCancelled = state == .cancelled
        update(image) {
            $0.state = isCancelled ? .cancelled : .waiting
            $0.result = nil
            $0.resultRevision = 0
            $0.isFromCache = false
        }
        jobs[image.job]?.counts.tasksDone -= UInt64(entry.taskCount)
        jobs[image.job]?.counts.pixelsDone -= entry.pixelCount
        jobs[image.job]?.counts.imagesDone -= 1
        jobs[image.job]?.counts.resultsWithdrawn += 1
        if entry.isFromCache { jobs[image.job]?.counts.imagesFromCache -= 1 }
        if isCancelled {
            jobs[image.job]?.counts.imagesCancelled += 1
            releaseInput(of: image)
            return
        }
        totals.imageQueued(entry.description.input)
        if state.isFinal {
            jobs[image.job]?.state = .running
            jobs[image.job]?.finishedAt = nil
            totals.jobOpened(job)
        }
    }

    mutating func resultsSettled(_ job: JobID, _ count: Int) throws(ReplayError) {
        guard let settled = jobs[job]?.revocable.prefix(count), settled.count == count else {
            throw ReplayError(description: "\(count) results of job \(job) cannot be withdrawn any more")
        }
        jobs[job]?.revocable.removeFirst(count)
        for result in settled where jobs[job]?.revocableNumbers[result.index] == result.number {
            jobs[job]?.revocableNumbers[result.index] = nil
            releaseInput(of: ImageID(job: job, index: result.index))
        }
    }

    mutating func workerQuarantined(_ worker: WorkerID, _ quarantine: Quarantine) {
        let namesakes = quarantined.filter { $0.value.name == quarantine.name }.keys.sorted()
        // Runs that are long gone make room; the first is the one that the evidence is about.
        if namesakes.count >= Self.maximumNamesakes { quarantined[namesakes[1]] = nil }
        quarantined[worker] = quarantine
        latestWorker = max(latestWorker, worker)
        for job in jobOrder {
            for index in jobs[job]?.progress.keys.sorted() ?? [] {
                let image = ImageID(job: job, index: index)
                let added = jobs[job]?.progress.change(index) { $0.distrust(worker) } ?? []
                for task in added { effects.toAudit.append(TaskKey(image, task)) }
            }
        }
    }

    // MARK: Parts

    /// Runs of one worker that are kept as quarantined.
    private static var maximumNamesakes: Int { 64 }

    /// Whether the task is audited.
    func isSelected(_ task: TaskID) -> Bool {
        guard let salt = auditSalt, let job = jobs.index(forKey: task.image.job) else { return false }
        return salt.selects(task, jobs.values[job].description.options.auditShare)
    }

    /// - Returns: whether the image's result can be withdrawn for a while, for which its input is kept.
    mutating func noteRevocable(_ image: ImageID, _ authors: Set<WorkerID>, _ isFromCache: Bool) -> Bool {
        guard let job = jobs[image.job], job.description.options.isRevocable, !authors.isEmpty || isFromCache else {
            return false
        }
        let number = job.revocableCount
        jobs[image.job]?.revocable.append(
            RevocableResult(index: image.index, number: number, authors: authors.sorted()))
        jobs[image.job]?.revocableNumbers[image.index] = number
        jobs[image.job]?.revocableCount = number + 1
        return true
    }

    /// The job is forgotten, its results are released: what answered requests of others can still be withdrawn there.
    mutating func bequeathAuthors(of job: JobEntry) {
        for result in job.revocable
        where !result.authors.isEmpty && job.revocableNumbers[result.index] == result.number {
            guard let digest = job.images[Int(result.index)].result?.digest, blobs.isNeeded(digest) else { continue }
            inheritedAuthors[digest, default: []].formUnion(result.authors)
        }
    }

    /// The image has a result again: was the one that was withdrawn wrong?
    mutating func noteReplacement(of image: ImageID, by result: BlobReference) {
        guard let withdrawn = jobs[image.job]?.withdrawn.removeValue(forKey: image.index),
            withdrawn.digest != result.digest
        else { return }
        jobs[image.job]?.replaced[image.index] = withdrawn.digest
        jobs[image.job]?.counts.resultsReplaced += 1
    }

    // MARK: Questions

    /// Whether another worker is to compute the finished task again.
    func isAudited(_ key: TaskKey) -> Bool { jobs[key.job]?.progress[key.index]?.audits[key.task] != nil }

    /// Whether an audit of the task waits for a worker.
    func awaitsAudit(_ key: TaskKey) -> Bool {
        guard let progress = jobs[key.job]?.progress[key.index] else { return false }
        return progress.audits[key.task] != nil && progress.open[key.task] == nil
    }

    /// Whether a worker that computed the task was found faulty since: then it must not stay without another opinion.
    func isSuspect(_ key: TaskKey) -> Bool {
        guard !quarantined.isEmpty, let progress = jobs[key.job]?.progress[key.index] else { return false }
        return progress.authors(of: key.task).contains { quarantined[$0] != nil }
    }

    /// The workers whose opinion on the finished task is known.
    func workersWithOpinion(_ key: TaskKey) -> Set<WorkerID> {
        guard let progress = jobs[key.job]?.progress[key.index] else { return [] }
        return progress.authors(of: key.task).union(progress.audits[key.task]?.dissent.map(\.worker) ?? [])
    }

    /// What the opinions on the task show.
    ///
    /// A majority is two workers that agree. A worker that was found faulty before has no say.
    func finding(_ key: TaskKey) -> AuditFinding {
        guard let progress = jobs[key.job]?.progress[key.index], let dissent = progress.audits[key.task]?.dissent else {
            return .open
        }
        var supporters: [UInt64: Set<WorkerID>] = [:]
        for opinion in dissent { supporters[opinion.fingerprint, default: []].insert(opinion.worker) }
        let majority = seeded(.auditDecidedByOne, 1, else: 2)
        if let (winner, _) = supporters.first(where: { $0.value.count >= majority }) {
            let others = dissent.filter { $0.fingerprint != winner }.map(\.worker)
            return .refuted(dissenters: Set(others))
        }
        if !dissent.isEmpty, isSuspect(key) { return .unsupported }
        return .open
    }

    /// The images, done or running, in which a worker that was found faulty has a part that must not stay.
    func underminedImages(by workers: Set<WorkerID>) -> (running: [ImageID], done: [ImageID]) {
        var running: [ImageID] = []
        var done: [ImageID] = []
        for job in jobOrder {
            guard let entry = jobs[job] else { continue }
            for index in entry.progress.keys.sorted() {
                let image = ImageID(job: job, index: index)
                guard let progress = entry.progress[index] else { continue }
                // Bands of a decoding that is not finished have no audit of their own.
                let hasBands = !progress.tasks[0].isDone && progress.bandAuthors.contains(where: workers.contains)
                let isRefuted = progress.audits.contains { task, audit in
                    !audit.dissent.isEmpty && finding(TaskKey(image, task)) != .open
                }
                if hasBands || isRefuted { running.append(image) }
            }
            for result in entry.revocable
            where result.authors.contains(where: workers.contains)
                && entry.revocableNumbers[result.index] == result.number
            {
                done.append(ImageID(job: job, index: result.index))
            }
        }
        // Kept results that answered identical requests are withdrawn with the image that they are of.
        var wrong = Set(done.compactMap { image($0)?.result?.digest })
        for (digest, authors) in inheritedAuthors where !authors.isDisjoint(with: workers) { wrong.insert(digest) }
        guard !wrong.isEmpty else { return (running, done) }
        for job in jobOrder {
            guard let entry = jobs[job] else { continue }
            for result in entry.revocable
            where result.authors.isEmpty && entry.revocableNumbers[result.index] == result.number {
                let image = ImageID(job: job, index: result.index)
                if let digest = self.image(image)?.result?.digest, wrong.contains(digest) { done.append(image) }
            }
        }
        return (running, done)
    }

    /// The quarantine of a worker that is known by its name only.
    func quarantine(named name: String) -> Quarantine? {
        quarantined.filter { !name.isEmpty && $0.value.name == name }.min { $0.key < $1.key }?.value
    }
}
