import Pipelines
import JobModel
import Protocol
import Scheduler
import SystemCalls
import Transport

/// What clients ask, in the words of the scheduler. Every method answers on the request's stream once the answer is durable.
extension MasterCore {
    /// Handles a request; `AddImages`, which needs the disk first, comes in by `addImages` instead.
    ///
    /// - Throws: `SchedulerRefusal`, `PipelineError`, `ProtocolViolation`: the request is refused, the connection stays.
    func received(_ request: WireControl, on connection: ControlConnection, stream: UInt32) throws {
        func answer(_ body: WireControl.OneOf_Body) { reply(body, stream: stream, on: connection) }
        switch request.body {
        case .openJob(let message): answer(.jobOpened(try openJob(message, on: connection)))
        case .sealJob(let message):
            let job = try JobID(wire: message.job)
            try scheduler.jobSealed(job, imageCount: message.imageCount, at: now, into: &decision)
            unsealed.ended(job)
            answer(.done(WireDone()))
        case .findBlobs(let message):
            guard message.digests.count <= 256 else {
                throw ProtocolViolation(
                    field: "FindBlobs.digests", value: "\(message.digests.count) digests",
                    allowed: "at most 256 a message; ask for the others in further ones")
            }
            let digests = try message.digests.map { try BlobDigest(wire: $0) }
            let job = message.job == 0 ? nil : JobID(message.job)
            answer(.blobsFound(.with { $0.present = digests.map { pin($0, for: job) } }))
        case .getJob(let message): answer(.jobSummary(WireJobSummary(try summary(of: message.job))))
        case .watchJob(let message):
            let summary = try summary(of: message.job)
            answer(.jobSummary(WireJobSummary(summary)))
            if !summary.state.isFinal { watchers.add(connection, stream: stream, to: summary.description.id) }
        case .stopWatching(let message):
            watchers.remove(connection, from: try JobID(wire: message.job))
            answer(.done(WireDone()))
        case .listJobs(let message):
            let limit = message.limit == 0 ? 100 : Int(min(message.limit, 200))
            let before = message.before == 0 ? nil : JobID(message.before)
            answer(.jobList(.fitting(scheduler.jobs(before: before, limit: limit).map(WireJobSummary.init))))
        case .listImages(let message): answer(.imageList(try images(message)))
        case .cancelJob(let message):
            let job = try JobID(wire: message.job)
            try scheduler.jobCancelled(job, at: now, into: &decision)
            unsealed.ended(job)
            logger.info("job cancelled", metadata: ["job.id": "\(job)"])
            answer(.done(WireDone()))
        case .listWorkers:
            answer(
                .workerList(
                    .with {
                        $0.workers = scheduler.workers(at: now).map {
                            WireWorkerStatus($0, address: workers[$0.id]?.remoteAddress ?? "")
                        }
                    }))
        case .drainWorker(let message): try drain(message, answer)
        case .listDead, .showDead, .redriveDead, .purgeDead: answer(try deadLetters(request))
        case .getMaster: answer(.masterStatus(masterStatus))
        case let other:
            throw ProtocolViolation(
                field: "Control.body", value: other.map { "\($0)".prefix(40).description } ?? "nothing",
                allowed: "a request that a client may make")
        }
    }

    private func openJob(_ message: WireOpenJob, on connection: ControlConnection) throws -> WireJobOpened {
        let pipeline = try Pipeline(parsing: message.pipeline)
        let defaults = settings.jobDefaults
        let chunkByteCount = message.chunkByteCount == 0 ? defaults.chunkByteCount : message.chunkByteCount
        guard chunkByteCount <= MasterSettings.largestChunkByteCount else {
            throw SchedulerRefusal.invalidArgument(
                "a chunk of \(chunkByteCount) bytes is above the limit of \(MasterSettings.largestChunkByteCount); "
                    + "give a smaller --chunk-bytes")
        }
        let options = JobOptions(
            chunkByteCount: chunkByteCount,
            maximumPixelCount: message.maximumPixelCount == 0
                ? defaults.maximumPixelCount : min(message.maximumPixelCount, defaults.maximumPixelCount),
            mayUseCache: !message.noCache,
            maximumAttempts: message.maximumAttempts == 0 ? defaults.maximumAttempts : min(message.maximumAttempts, 100)
        )
        let opening = JobOpening(
            token: message.token, submitter: message.submitter, priority: message.priority,
            pipeline: pipeline.canonicalText, options: options)
        let job = try scheduler.jobOpened(opening, at: now, into: &decision)
        let summary = scheduler.jobSummary(job)
        if summary?.state == .open { unsealed.opened(job, by: ObjectIdentifier(connection), at: now.instant) }
        return .with {
            $0.job = job.rawValue
            $0.imageCount = summary?.counts.images ?? 0
            $0.sealed = summary?.isSealed ?? false
        }
    }

    /// The job's options and pipeline, for the examination of images that are to be added.
    func admissionTerms(of job: JobID, for connection: ControlConnection) throws -> JobDescription {
        guard let summary = scheduler.jobSummary(job) else { throw SchedulerRefusal.unknownJob(job) }
        if summary.state == .open { unsealed.opened(job, by: ObjectIdentifier(connection), at: now.instant) }
        return summary.description
    }

    /// Adds examined images. An input that has meanwhile gone is refused with `blob-missing`: the client uploads it again.
    func addImages(to job: JobID, on terms: JobDescription, firstIndex: UInt32, _ examined: [ImageOffer]) throws {
        let offers = try examined.map { offer in
            guard pin(offer.input.digest) else { throw MissingInput(digest: offer.input.digest) }
            var offer = offer
            if terms.options.mayUseCache, case .accepted = offer.admission {
                offer.cachedResult = keptResult(input: offer.input, pipeline: terms.pipeline)
                    .flatMap { holds($0) ? $0 : nil }
            }
            return offer
        }
        try scheduler.imagesAdded(to: job, firstIndex: firstIndex, offers, at: now, into: &decision)
        uploads.claimed(offers.lazy.map(\.input.digest), by: job)
    }

    /// A client's connection ended.
    func clientLeft(_ connection: ControlConnection) {
        watchers.remove(connection)
        unsealed.left(ObjectIdentifier(connection), at: now.instant)
    }

    private func summary(of rawJob: UInt64) throws -> JobSummary {
        let job = try JobID(wire: rawJob)
        guard let summary = scheduler.jobSummary(job) else { throw SchedulerRefusal.unknownJob(job) }
        return summary
    }

    private func images(_ message: WireListImages) throws -> WireImageList {
        let summary = try summary(of: message.job)
        let limit = message.limit == 0 ? 256 : Int(min(message.limit, 256))
        let statuses = scheduler.images(of: summary.description.id, firstIndex: message.firstIndex, limit: limit)
        return .fitting(statuses.map(WireImageStatus.init), imageCount: summary.counts.images)
    }

    private func drain(_ message: WireDrainWorker, _ answer: (WireControl.OneOf_Body) -> Void) throws {
        let matches = scheduler.workers(at: now).filter {
            $0.state != .gone && ("\($0.id)" == message.worker || $0.name == message.worker)
        }
        guard let worker = matches.first else {
            throw SchedulerRefusal.invalidArgument(
                "no connected worker is called '\(message.worker)'; `tessera workers` lists their ids and names")
        }
        guard matches.count == 1 else {
            throw SchedulerRefusal.invalidArgument(
                "\(matches.count) workers are called '\(message.worker)'; name one by its id: "
                    + matches.map { "\($0.id)" }.joined(separator: ", "))
        }
        scheduler.workerDraining(worker.id, on: !message.resume, at: now, into: &decision)
        afterCommit { [workers] in
            workers[worker.id]?.send(.drain(.with { $0.resume = message.resume }))
        }
        answer(.done(WireDone()))
    }

    private func deadLetters(_ request: WireControl) throws -> WireControl.OneOf_Body {
        func optionalJob(_ raw: UInt64) -> JobID? { raw == 0 ? nil : JobID(raw) }
        switch request.body {
        case .showDead(let message):
            let image = ImageID(job: try JobID(wire: message.job), index: message.index)
            guard let dead = scheduler.deadImage(image) else { throw SchedulerRefusal.unknownImage(image) }
            var answer = WireDeadImage(dead, withAttempts: true)
            // The oldest attempts make room when the output tails are long.
            while !answer.attempts.isEmpty, !WireControl(.deadImage(answer)).fitsFrame { answer.attempts.removeFirst() }
            return .deadImage(answer)
        case .redriveDead(let message):
            let count = try scheduler.deadRedriven(
                job: optionalJob(message.job), index: message.oneImage ? message.index : nil, at: now, into: &decision)
            return .affected(.with { $0.count = UInt32(count) })
        case .purgeDead(let message):
            let count = try scheduler.deadPurged(
                job: optionalJob(message.job), index: message.oneImage ? message.index : nil, at: now, into: &decision)
            return .affected(.with { $0.count = UInt32(count) })
        case let other:
            guard case .listDead(let message) = other else {
                preconditionFailure("\(request) is not about dead letters")
            }
            let after = optionalJob(message.afterJob).map { ImageID(job: $0, index: message.afterIndex) }
            let dead = scheduler.deadImages(
                job: optionalJob(message.job), after: after, limit: WireDeadList.longestCount + 1)
            return .deadList(.fitting(dead.map { WireDeadImage($0, withAttempts: false) }))
        }
    }

    private var masterStatus: WireMasterStatus {
        let counters = scheduler.counters
        return .with {
            $0.software = MasterSettings.software
            $0.residentBytes = UInt64(ThisProcess.residentByteCount)
            $0.uptimeMilliseconds = UInt64((now.instant - startedAt) / .milliseconds(1))
            $0.tasksReady = UInt64(counters.tasksReady)
            $0.leasesRunning = UInt64(counters.leasesRunning)
            $0.jobsOpen = UInt64(counters.jobsOpen)
            $0.lateResults = counters.lateResults
            $0.queuedBytes = uploads.queuedByteCount
            $0.askedToWait = counters.askedToWait + uploads.askedToWait
            $0.deadLetters = UInt64(counters.deadLetters)
        }
    }
}

/// An image's input is not in the store (any more).
struct MissingInput: Error {
    let digest: BlobDigest
}
