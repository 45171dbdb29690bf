import Pipelines
import JobModel
import SeededFaults

// The part of the fold that concerns images and their tasks.

extension Ledger {
    static func noTask(_ task: TaskID) -> ReplayError {
        ReplayError(description: "\(task) is not a task of a running image")
    }

    mutating func changeProgress<Result>(
        of task: TaskID, _ change: (inout ImageProgress) throws(ReplayError) -> Result
    ) throws(ReplayError) -> Result {
        let result = try jobs.change(task.image.job) { job throws(ReplayError) in
            try job.progress.change(task.image.index, change)
        }
        guard let result = result ?? nil else { throw Self.noTask(task) }
        return result
    }

    mutating func attemptStarted(_ lease: LeaseID, _ worker: WorkerID) throws(ReplayError) {
        let image = lease.task.image
        if state(of: image) == .waiting, let accepted = self.image(image)?.accepted,
            let description = jobs[image.job]?.description
        {
            let plan: ImagePlan
            do { plan = try self.plan(description, accepted, chunkByteCount: self.image(image)?.chunkByteCount) } catch
            {
                throw ReplayError(description: "image \(image) cannot be planned: \(error)")
            }
            jobs[image.job]?.begin(image.index, plan)
            totals.begunTasks += plan.taskCount
        }
        try changeProgress(of: lease.task) { progress throws(ReplayError) in
            try progress.attemptStarted(lease.attempt, of: lease.task.step, by: worker)
        }
        latestWorker = max(latestWorker, worker)
    }

    mutating func attemptEnded(_ lease: LeaseID, _ worker: WorkerID, _ failure: Failure) throws(ReplayError) {
        let image = lease.task.image
        try changeProgress(of: lease.task) { progress throws(ReplayError) in
            try progress.attemptEnded(lease.attempt, of: lease.task.step, because: failure.cause)
        }
        switch failure.cause.tally {
        case .lost: jobs[image.job]?.counts.attemptsLost += 1
        case .failed: jobs[image.job]?.counts.attemptsFailed += 1
        case nil: return
        }
        update(image) { entry in
            if entry.reports.count == ImageEntry.maximumReports { entry.reports.removeFirst() }
            entry.reports.append(AttemptReport(lease: lease, worker: worker, failure: failure))
        }
    }

    mutating func bandPublished(
        _ task: TaskID, _ band: Int, _ blob: BlobReference, by worker: WorkerID?
    ) throws(ReplayError) {
        let image = task.image
        let ready = try changeProgress(of: task) { progress throws(ReplayError) in
            try progress.bandPublished(band, blob, by: worker)
        }
        blobs.retain(blob)
        for number in ready { effects.ready.append(TaskKey(image, number)) }
    }

    mutating func taskCompleted(_ lease: LeaseID, _ output: TaskOutput, by worker: WorkerID?) throws(ReplayError) {
        let image = lease.task.image
        let isAudited = isSelected(lease.task)
        let completed =
            try jobs.change(image.job) { job throws(ReplayError) in
                try job.complete(lease, output, by: worker, isAudited: isAudited)
            } ?? nil
        guard let (ready, before, after) = completed else { throw Self.noTask(lease.task) }
        if !seeded(.doneWorkStaysOpen) { backlog.changed(image.job, from: before, to: after) }
        if lease.task.step == .whole || lease.task.step == .decode { update(image) { $0.remarks = output.remarks } }
        if isAudited, let key = key(lease.task) { effects.toAudit.append(key) }
        if lease.task.step != .whole || isAudited {
            if let payload = output.payload { blobs.retain(payload) }
            if let summary = output.summary { blobs.retain(summary) }
            if let metadata = output.metadata { blobs.retain(metadata) }
        }
        for number in ready { effects.ready.append(TaskKey(image, number)) }
    }

    mutating func imageCompleted(_ image: ImageID, _ result: BlobReference, _ fromCache: Bool) throws(ReplayError) {
        guard let entry = self.image(image), !entry.state.isFinal else {
            throw ReplayError(description: "image \(image) was completed, but is unknown or final")
        }
        let isComputed = jobs[image.job]?.progress[image.index]?.isComplete == true
        guard isComputed || (fromCache && entry.state == .waiting) else {
            throw ReplayError(description: "image \(image) was completed, but its tasks are not")
        }
        blobs.retain(result)
        let authors = jobs[image.job]?.progress[image.index]?.unconfirmedAuthors ?? []
        dropProgress(of: image)
        leaveQueue(image)
        if !noteRevocable(image, authors, fromCache) { releaseInput(of: image) }
        noteReplacement(of: image, by: result)
        let revision = jobs[image.job]?.resultRevision ?? 0
        update(image) {
            $0.state = .done
            $0.result = result
            $0.resultRevision = revision
            $0.isFromCache = fromCache
            $0.reports = []
        }
        jobs[image.job]?.counts.tasksDone += UInt64(entry.taskCount)
        jobs[image.job]?.counts.pixelsDone += entry.pixelCount
        jobs[image.job]?.counts.imagesDone += 1
        if fromCache { jobs[image.job]?.counts.imagesFromCache += 1 }
    }

    mutating func imageFailed(_ image: ImageID, _ failure: Failure, _ deadLettered: Bool) throws(ReplayError) {
        switch state(of: image) {
        case .waiting, .running:
            dropProgress(of: image)
            leaveQueue(image)
            jobs[image.job]?.counts.imagesFailed += 1
            if deadLettered { totals.deadLetters += 1 }
        case .deadLettered where !deadLettered: totals.deadLetters -= 1
        case .deadLettered, .done, .failed, .cancelled, nil:
            throw ReplayError(description: "image \(image) failed, but is unknown or final")
        }
        let keepsInput = seeded(.deadLetterLosesInput, false, else: deadLettered)
        if !keepsInput { releaseInput(of: image) }
        update(image) {
            $0.state = deadLettered ? .deadLettered : .failed
            $0.failure = failure
        }
    }

    mutating func imageRedriven(_ image: ImageID) throws(ReplayError) {
        guard state(of: image) == .deadLettered else {
            throw ReplayError(description: "image \(image) was redriven, but is not dead-lettered")
        }
        update(image) {
            $0.state = .waiting
            $0.failure = nil
            $0.restarts = 0
            $0.reports = []
        }
        jobs[image.job]?.counts.imagesFailed -= 1
        totals.deadLetters -= 1
        if let input = self.image(image)?.description.input { totals.imageQueued(input) }
        if let job = jobs[image.job], job.state.isFinal {
            jobs[image.job]?.state = .running
            jobs[image.job]?.finishedAt = nil
            totals.jobOpened(job.description)
        }
    }

    mutating func imageRestarted(_ image: ImageID) throws(ReplayError) {
        guard state(of: image) == .running else {
            throw ReplayError(description: "image \(image) was restarted, but is not running")
        }
        dropProgress(of: image)
        update(image) {
            $0.state = .waiting
            $0.restarts += 1
        }
    }

    mutating func imageReplanned(_ image: ImageID, _ chunkByteCount: UInt64) throws(ReplayError) {
        guard let state = state(of: image), state == .waiting || state == .running,
            let job = jobs[image.job]?.description,
            let accepted = self.image(image)?.accepted
        else {
            throw ReplayError(description: "image \(image) was planned again, but is unknown or final")
        }
        let taskCount: UInt32
        do { taskCount = UInt32(clamping: try planSize(job, accepted, chunkByteCount: chunkByteCount).taskCount) } catch
        {
            throw ReplayError(description: "image \(image) cannot be planned in chunks of \(chunkByteCount): \(error)")
        }
        dropProgress(of: image)
        let oldCount = UInt64(self.image(image)?.taskCount ?? 0)
        jobs[image.job]?.counts.tasksTotal -= oldCount
        jobs[image.job]?.counts.tasksTotal += UInt64(taskCount)
        update(image) {
            $0.state = .waiting
            $0.chunkByteCount = chunkByteCount
            $0.taskCount = taskCount
        }
    }

    // MARK: Parts

    mutating func update(_ image: ImageID, _ change: (inout ImageEntry) -> Void) {
        guard let job = jobs.index(forKey: image.job) else { return }
        let index = Int(image.index)
        let before = jobs.values[job].images[index].work
        change(&jobs.values[job].images[index])
        backlog.changed(image.job, from: before, to: jobs.values[job].images[index].work)
    }

    /// The image's tasks no longer exist: their blobs are released, and what they had done does not count.
    mutating func dropProgress(of image: ImageID) {
        guard let progress = jobs[image.job]?.progress.removeValue(forKey: image.index) else { return }
        totals.begunTasks -= progress.tasks.count
        for blob in progress.intermediates { release(blob) }
        let latestAttempt = seeded(.attemptNumbersReused, 0, else: progress.latestAttempt)
        update(image) { $0.attemptFloor = max($0.attemptFloor, latestAttempt) }
        if let entry = self.image(image) {
            backlog.changed(image.job, from: entry.work(after: progress.doneCount), to: entry.work)
            jobs[image.job]?.counts.tasksDone -= UInt64(progress.doneCount)
            jobs[image.job]?.counts.pixelsDone -= entry.pixelsDone(progress.doneCount)
        }
    }

    /// The image has ended.
    mutating func leaveQueue(_ image: ImageID) {
        if let input = self.image(image)?.description.input { totals.imageLeft(input) }
    }

    /// What is kept for the image as long as it may be computed: its input, and what its job's pipeline attaches.
    private func inputs(of image: ImageID) -> [BlobReference] {
        guard let input = self.image(image)?.description.input else { return [] }
        let isForgotten = seeded(.attachmentKeptForOneImage, image.index > 0, else: false)
        return [input] + (isForgotten ? [] : jobs[image.job]?.attachments ?? [])
    }

    mutating func retainInput(of image: ImageID) {
        for blob in inputs(of: image) { blobs.retain(blob) }
    }

    mutating func releaseInput(of image: ImageID) {
        for blob in inputs(of: image) { release(blob) }
    }
}
