import JobModel
import Scheduler

// What clients and the operator ask for.

extension Master {
    /// A client opened a job, or returned to it on another connection.
    public mutating func jobOpened(
        _ opening: JobOpening, by client: Client, at now: Moment
    ) throws(SchedulerRefusal) -> JobID {
        if scheduler.job(of: opening) == nil {
            try admitUnsealed(by: client)
        }
        let job = try makingRoom(jobs: 1, images: 0, at: now) { scheduler, decision throws(SchedulerRefusal) in
            try scheduler.jobOpened(opening, at: now, into: &decision)
        }
        clientActive(in: job, client, at: now)
        return job
    }

    /// A client announced images of the job, whose headers are examined before they are added. Their inputs are pinned.
    ///
    /// - Returns: the job that they are examined for, and an input, or an attachment of the job's pipeline, that is not in the
    ///   store.
    public mutating func imagesAnnounced(
        for job: JobID, inputs: [BlobDigest], by client: Client, at now: Moment
    ) throws(SchedulerRefusal) -> (job: JobDescription, missing: BlobDigest?) {
        guard let description = scheduler.jobSummary(job)?.description else { throw .unknownJob(job) }
        clientActive(in: job, client, at: now)
        let attachments = description.attachments.map(\.digest)
        return (description, firstMissing(attachments + inputs, for: job, at: now))
    }

    /// What became of images that a client wants to add.
    public enum Addition: Hashable, Sendable {
        /// They are added; `fromCache` of them are answered with kept results.
        case added(fromCache: Int)
        /// Nothing is added: this input is not in the store. The client uploads it again.
        case missing(BlobDigest)
    }

    /// A client adds examined images.
    public mutating func imagesAdded(
        to job: JobID, firstIndex: UInt32, _ examined: [ImageOffer], at now: Moment
    ) throws(SchedulerRefusal) -> Addition {
        let description = scheduler.jobSummary(job)?.description
        let attachments = description?.attachments ?? []
        let needed = attachments.map(\.digest) + examined.map(\.input.digest)
        if let missing = firstMissing(needed, for: nil, at: now) { return .missing(missing) }
        var offers = examined
        if let pipeline = description?.pipeline {
            for index in offers.indices {
                guard case .accepted(let image) = offers[index].admission else { continue }
                offers[index].cachedResult = keptResult(of: pipeline, on: offers[index].input, image.coding)
            }
        }
        try makingRoom(jobs: 0, images: offers.count, at: now) { scheduler, decision throws(SchedulerRefusal) in
            try scheduler.imagesAdded(to: job, firstIndex: firstIndex, offers, at: now, into: &decision)
        }
        for digest in needed { unclaimed.remove(digest) }
        return .added(fromCache: offers.count { $0.cachedResult != nil })
    }

    /// A client has added all images of the job.
    public mutating func sealed(_ job: JobID, imageCount: UInt32, at now: Moment) throws(SchedulerRefusal) {
        try decide { scheduler, decision throws(SchedulerRefusal) in
            try scheduler.jobSealed(job, imageCount: imageCount, at: now, into: &decision)
        }
        unsealed.ended(job)
    }

    /// A client, or the operator, cancelled the job.
    public mutating func cancelled(_ job: JobID, at now: Moment) throws(SchedulerRefusal) {
        try decide { scheduler, decision throws(SchedulerRefusal) in
            try scheduler.jobCancelled(job, at: now, into: &decision)
        }
        unsealed.ended(job)
    }

    /// A client's connection ended.
    public mutating func clientLeft(_ client: Client, at now: Moment) {
        unsealed.left(client, at: now.instant)
        sought.left(client)
    }

    /// The operator gave dead-lettered images new attempts; see `Scheduler.deadRedriven`.
    public mutating func deadRedriven(
        job: JobID?, index: UInt32?, at now: Moment
    ) throws(SchedulerRefusal) -> Int {
        try decide { scheduler, decision throws(SchedulerRefusal) in
            try scheduler.deadRedriven(job: job, index: index, at: now, into: &decision)
        }
    }

    /// The operator gave dead-lettered images up; see `Scheduler.deadPurged`.
    public mutating func deadPurged(job: JobID?, index: UInt32?, at now: Moment) throws(SchedulerRefusal) -> Int {
        try decide { scheduler, decision throws(SchedulerRefusal) in
            try scheduler.deadPurged(job: job, index: index, at: now, into: &decision)
        }
    }

    /// The operator has no use for the results of the job any more. It must have ended.
    public mutating func forgotten(_ job: JobID, at now: Moment) throws(SchedulerRefusal) {
        try decide { scheduler, decision throws(SchedulerRefusal) in
            try scheduler.jobForgotten(job, at: now, into: &decision)
        }
    }

    /// Bytes for the job are arriving, or were asked to wait.
    public mutating func uploading(for job: JobID, at now: Moment) { unsealed.active(job, at: now.instant) }

    private mutating func clientActive(in job: JobID, _ client: Client, at now: Moment) {
        guard scheduler.jobSummary(job)?.state == .open else { return }
        unsealed.opened(job, by: client, at: now.instant)
    }

    private mutating func firstMissing(_ inputs: [BlobDigest], for job: JobID?, at now: Moment) -> BlobDigest? {
        var missing: BlobDigest?
        for digest in inputs where !isPresentAndPinned(digest, for: job, at: now) { missing = missing ?? digest }
        return missing
    }

    /// The result of an identical request.
    private func keptResult(
        of pipeline: String, on input: BlobReference, _ coding: ImageCoding
    ) -> BlobReference? {
        let key = ResultCache.Key(
            input: input.digest, pipeline: pipeline, coding: coding, revision: configuration.scheduler.resultRevision)
        // A result that was withdrawn a moment ago is not needed by its image any more.
        guard let result = results[key], store.contains(result.digest), scheduler.isNeeded(result.digest) else {
            return nil
        }
        return result
    }
}

extension Master {
    /// Notes that the image's result can answer identical requests.
    mutating func remember(_ image: ImageID, _ result: BlobReference) {
        // A race: it was withdrawn in the same turn, or since.
        guard let status = scheduler.imageStatus(image), status.result == result,
            let job = scheduler.jobSummary(image.job)?.description
        else {
            return
        }
        // What was left out of it may be in another run's result: a limit was raised.
        guard status.remarks.isEmpty else { return }
        let key = ResultCache.Key(
            input: status.input.digest, pipeline: job.pipeline, coding: status.coding, revision: status.resultRevision)
        results.insert(result, for: key)
    }

    /// The image's result may be wrong: it answers no requests any more.
    mutating func withdrawn(_ image: ImageID) {
        if let digest = scheduler.imageStatus(image)?.withdrawn { results.remove(digest) }
    }
}
