import JobModel

extension Scheduler {
    /// The operator gives dead-lettered images new attempts.
    ///
    /// - Parameters:
    ///   - job: `nil` for all jobs that were not cancelled.
    ///   - index: `nil` for all dead images of the job.
    /// - Returns: how many images start over.
    public mutating func deadRedriven(
        job: JobID?, index: UInt32?, at now: Moment, into decision: inout Decision
    ) throws(SchedulerRefusal) -> Int {
        let now = clockRead(now)
        let images = try ledger.deadImages(job: job, index: index)
        for image in images {
            revise(image.job, into: &decision)
            let wasFinal = ledger.jobs[image.job]?.state.isFinal == true
            commit(.imageRedriven(image), into: &decision)
            if wasFinal, let entry = ledger.jobs[image.job] {
                queue.open(entry.description, lane: lane(of: image.job), cursor: UInt32(entry.images.count))
            }
            queue.push(TaskKey(image, 0))
            decision.noteChange(of: image.job)
        }
        finishEvent(at: now, into: &decision)
        return images.count
    }

    /// The operator gives dead-lettered images up: they have failed, and their inputs may go.
    ///
    /// - Returns: how many images can no longer be redriven.
    public mutating func deadPurged(
        job: JobID?, index: UInt32?, at now: Moment, into decision: inout Decision
    ) throws(SchedulerRefusal) -> Int {
        let now = clockRead(now)
        let images = try ledger.deadImages(job: job, index: index)
        for image in images {
            guard let failure = ledger.image(image)?.failure else { continue }
            commit(.imageFailed(image, failure: failure, deadLettered: false), into: &decision)
            decision.noteChange(of: image.job)
        }
        finishEvent(at: now, into: &decision)
        return images.count
    }

    /// Dead-lettered images, by job and index, at most `limit`.
    ///
    /// - Parameters:
    ///   - job: `nil` for all jobs.
    ///   - after: the image after which the list begins; `nil` for the first.
    public func deadImages(job: JobID?, after: ImageID? = nil, limit: Int = .max) -> [DeadImage] {
        var found: [DeadImage] = []
        for candidate in ledger.jobOrder where job == nil || candidate == job {
            if let after, candidate < after.job { continue }
            for image in ledger.deadImages(of: candidate) {
                if let after, image <= after { continue }
                guard found.count < limit else { return found }
                if let dead = deadImage(image) { found.append(dead) }
            }
        }
        return found
    }

    /// A dead-lettered image with the attempts that brought it there; `nil` when it is none.
    public func deadImage(_ image: ImageID) -> DeadImage? {
        guard let entry = ledger.image(image), entry.state == .deadLettered, let failure = entry.failure else {
            return nil
        }
        return DeadImage(id: image, name: entry.description.name, failure: failure, attempts: entry.reports)
    }
}

extension Ledger {
    fileprivate func deadImages(job: JobID?, index: UInt32?) throws(SchedulerRefusal) -> [ImageID] {
        guard let job else { return jobOrder.flatMap { deadImages(of: $0) } }
        guard jobs[job] != nil else { throw .unknownJob(job) }
        guard let index else {
            let images = deadImages(of: job)
            guard !images.isEmpty else { throw .nothingDead(job) }
            return images
        }
        let image = ImageID(job: job, index: index)
        guard let state = state(of: image) else { throw .unknownImage(image) }
        guard state == .deadLettered else { throw .imageNotInState(image, is: state, needed: "dead-lettered") }
        return [image]
    }

    fileprivate func deadImages(of job: JobID) -> [ImageID] {
        guard let entry = jobs[job], entry.counts.imagesFailed > 0 else { return [] }
        return entry.images.indices
            .filter { entry.images[$0].state == .deadLettered }
            .map { ImageID(job: job, index: UInt32($0)) }
    }
}
