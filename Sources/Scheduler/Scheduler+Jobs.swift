import Pipelines
import JobModel
import SeededFaults

// What clients ask for.

extension Scheduler {
    /// A client opens a job. The same token again, of the same submitter, is the same job, as long as it is kept.
    public mutating func jobOpened(
        _ opening: JobOpening, at now: Moment, into decision: inout Decision
    ) throws(SchedulerRefusal) -> JobID {
        let now = clockRead(now)
        if let job = seeded(.tokenIgnored, nil, else: jobOpenedBefore(opening)) {
            try agree(to: opening, as: job)
            return job
        }
        guard !opening.token.isEmpty, opening.token.utf8.count <= 256 else {
            throw .invalidArgument("the token has \(opening.token.utf8.count) bytes; allowed are 1 to 256")
        }
        guard opening.submitter.utf8.count <= 256 else {
            throw .invalidArgument("the submitter has \(opening.submitter.utf8.count) bytes; at most 256 are allowed")
        }
        guard (-100...100).contains(opening.priority) else {
            throw .invalidArgument("the priority is \(opening.priority); allowed are -100 to 100")
        }
        guard opening.options.chunkByteCount >= 1, opening.options.maximumAttempts >= 1 else {
            throw .invalidArgument("a chunk has at least 1 byte, and a task at least 1 attempt")
        }
        guard opening.pipeline.utf8.count <= SchedulerConfiguration.longestPipeline else {
            throw .invalidPipeline(
                "it has \(opening.pipeline.utf8.count) bytes; at most \(SchedulerConfiguration.longestPipeline) are allowed"
            )
        }
        try admitJob(of: opening.submitter, at: now)
        let pipeline: String
        do { pipeline = try canonicalText(of: opening.pipeline) } catch {
            throw .invalidPipeline(error.message)
        }
        var options = opening.options
        options.resultRevision = configuration.resultRevision
        options.isRevocable = configuration.auditWindow > .zero
        // What was kept may have been computed by one worker alone.
        if options.auditShare == .all { options.mayUseCache = false }
        if options.auditShare > .none, ledger.auditSalt == nil, let salt = configuration.auditSalt {
            commit(.auditsSalted(salt), into: &decision)
        }
        let description = JobDescription(
            id: ledger.nextJob, token: opening.token, submitter: opening.submitter, priority: opening.priority,
            pipeline: pipeline, options: options, submittedAt: now.wallClockMilliseconds)
        commit(.jobOpened(description), into: &decision)
        queue.open(description)
        decision.noteChange(of: description.id)
        return description.id
    }

    private func jobOpenedBefore(_ opening: JobOpening) -> JobID? {
        seeded(
            .submitterIgnored, ledger.jobsBySubmission.first { $0.key.token == opening.token }?.value,
            else: ledger.jobsBySubmission[Submission(submitter: opening.submitter, token: opening.token)])
    }

    /// A token names one submission: with another pipeline it is a mistake of the client's, not the job that it has.
    private mutating func agree(to opening: JobOpening, as job: JobID) throws(SchedulerRefusal) {
        guard let known = ledger.jobs[job]?.description else { return }
        // Another release may write the same pipeline in another way.
        let (asked, kept) = (try? canonicalText(of: opening.pipeline), try? canonicalText(of: known.pipeline))
        let then = PipelineHistory.current(opening.pipeline, ofRevision: known.options.resultRevision)
        guard let asked, asked == kept || (try? canonicalText(of: then)) == kept else {
            throw .invalidArgument(
                "the token '\(opening.token)' of submitter '\(opening.submitter)' is job \(job), whose pipeline is "
                    + "'\(known.pipeline.prefix(200))'; submit another pipeline with another token")
        }
        let (options, asks) = (known.options, opening.options)
        guard asks.encoding == options.encoding, asks.decoding == options.decoding else {
            throw .invalidArgument(
                "the token '\(opening.token)' of submitter '\(opening.submitter)' is job \(job), which asks for files "
                    + "'\(options.encoding)' of '\(options.decoding)'; ask for other files with another token")
        }
    }

    /// A client adds images from position `firstIndex` on. Those that are already there are left as they are.
    public mutating func imagesAdded(
        to job: JobID, firstIndex: UInt32, _ offers: [ImageOffer], at now: Moment, into decision: inout Decision
    ) throws(SchedulerRefusal) {
        let now = clockRead(now)
        let present = try ledger.agree(to: offers, from: firstIndex, of: job)
        let added = offers.dropFirst(present - Int(firstIndex))
        guard !added.isEmpty, let description = ledger.jobs[job]?.description else { return }
        if let offer = added.first(where: { $0.name.utf8.count > SchedulerConfiguration.longestName }) {
            throw .invalidArgument(
                "the name '\(offer.name.prefix(40))...' has \(offer.name.utf8.count) bytes; at most "
                    + "\(SchedulerConfiguration.longestName) are allowed: submit the image by a shorter path")
        }
        try admitImages(added.count, present: present, at: now)

        var images: [ImageDescription] = []
        var cached: [(ImageID, BlobReference)] = []
        var waitingCount = 0
        for (offset, offer) in added.enumerated() {
            let index = UInt32(present + offset)
            let admission = admission(of: offer, to: description)
            images.append(ImageDescription(index: index, name: offer.name, input: offer.input, admission: admission))
            switch admission {
            case .refused: break
            case .accepted:
                if let result = offer.cachedResult, description.options.mayUseCache {
                    cached.append((ImageID(job: job, index: index), result))
                } else {
                    waitingCount += 1
                }
            }
        }
        commit(.imagesAdded(job, images), into: &decision)
        for (image, result) in cached {
            completed(image, result, fromCache: true, at: now, into: &decision)
        }
        queue.move(job, to: lane(of: job))
        queue.add(unstarted: waitingCount, to: job)
        decision.noteChange(of: job)
        finishEvent(at: now, into: &decision)
    }

    /// A job that has grown beyond the limit waits with the batches.
    func lane(of job: JobID) -> Lane {
        let pixels = ledger.jobs[job]?.counts.pixelsTotal ?? 0
        return pixels <= configuration.interactivePixels ? .interactive : .batch
    }

    /// The shell's word on the image, unless the job's own limits or its pipeline refuse it.
    private mutating func admission(
        of offer: ImageOffer, to job: JobDescription
    ) -> ImageDescription.Admission {
        guard case .accepted(let image) = offer.admission else { return offer.admission }
        let geometry = image.geometry
        guard geometry.pixelCount <= job.options.maximumPixelCount else {
            return .refused(
                Failure(
                    .overLimit,
                    "the image has \(geometry.width) x \(geometry.height) pixels; the job allows "
                        + "\(job.options.maximumPixelCount): submit it with a higher maximum"))
        }
        do {
            let size = try planSize(job, image, known: offer.planSize)
            let objection = configuration.planLimits.objection(
                to: size, of: geometry, chunkByteCount: job.options.chunkByteCount
            ) { try? planSize(job, image, chunkByteCount: $0) }
            return objection.map { .refused($0) } ?? offer.admission
        } catch {
            return .refused(Failure(.unsuitable, error.message))
        }
    }

    /// A client has added all images of the job.
    public mutating func jobSealed(
        _ job: JobID, imageCount: UInt32, at now: Moment, into decision: inout Decision
    ) throws(SchedulerRefusal) {
        let now = clockRead(now)
        guard let entry = ledger.jobs[job] else { throw .unknownJob(job) }
        guard entry.counts.images == imageCount else {
            throw .imageCountDiffers(job, present: entry.counts.images, stated: imageCount)
        }
        if entry.isSealed { return }
        guard entry.state == .open else { throw .jobNotInState(job, is: entry.state, needed: "open") }
        if seeded(.sealNotKept) { return }
        guard imageCount > 0 else { throw .invalidArgument("job \(job) has no images; add at least one") }
        commit(.jobSealed(job, imageCount: imageCount), into: &decision)
        decision.noteChange(of: job)
        finishIfComplete(job, at: now, into: &decision)
        finishEvent(at: now, into: &decision)
    }

    /// A client, or the operator, wants no more of the job. What is done stays.
    public mutating func jobCancelled(
        _ job: JobID, at now: Moment, into decision: inout Decision
    ) throws(SchedulerRefusal) {
        let now = clockRead(now)
        guard let state = ledger.jobs[job]?.state else { throw .unknownJob(job) }
        if state == .cancelled { return }
        guard !state.isFinal else { throw .jobEnded(job, is: state) }
        for index in ledger.jobs[job]?.progress.keys.sorted() ?? [] {
            withdraw(ImageID(job: job, index: index), .jobCancelled, at: now, into: &decision)
        }
        commit(.jobCancelled(job, at: now.wallClockMilliseconds), into: &decision)
        closeJob(job, at: now, into: &decision)
        finishEvent(at: now, into: &decision)
    }

    /// The job was kept long enough. It must be final.
    public mutating func jobForgotten(
        _ job: JobID, at now: Moment, into decision: inout Decision
    ) throws(SchedulerRefusal) {
        let now = clockRead(now)
        guard let state = ledger.jobs[job]?.state else { throw .unknownJob(job) }
        guard state.isFinal else { throw .jobNotInState(job, is: state, needed: "finished or cancelled") }
        commit(.jobForgotten(job), into: &decision)
        finishEvent(at: now, into: &decision)
    }
}

extension Ledger {
    /// Checks that images can be added to the job from position `firstIndex` on.
    ///
    /// - Returns: how many images the job has; the offers below that are the same images.
    fileprivate func agree(
        to offers: [ImageOffer], from firstIndex: UInt32, of job: JobID
    ) throws(SchedulerRefusal) -> Int {
        guard let entry = jobs[job] else { throw .unknownJob(job) }
        let present = entry.images.count
        guard Int(firstIndex) <= present else {
            throw .imageGap(job, expected: UInt32(present), offered: firstIndex)
        }
        for (offset, offer) in offers.enumerated() where Int(firstIndex) + offset < present {
            let known = entry.images[Int(firstIndex) + offset].description
            guard known.input.digest == offer.input.digest else {
                throw .imageDiffers(
                    ImageID(job: job, index: known.index), present: known.input.digest, offered: offer.input.digest)
            }
        }
        if Int(firstIndex) + offers.count > present {
            guard !entry.isSealed else { throw .jobSealed(job) }
            guard entry.state == .open else { throw .jobNotInState(job, is: entry.state, needed: "open") }
        }
        return present
    }
}
