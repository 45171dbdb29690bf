import ImageFormats
import Pipelines
import JobModel
import MasterMachine
import Protocol
import Scheduler
import SystemCalls
import Transport

// What clients ask, translated into the machine's events. Every request is answered on its stream once the answer is durable.

extension MasterCore {
    /// Handles a request. `AddImages` and `GetMaster`, which need the disk or the system first, have methods of their own.
    ///
    /// - Throws: `SchedulerRefusal`, `PipelineError`, `ProtocolViolation`: the request is refused, the connection stays.
    func received(_ request: WireControl, on connection: ControlConnection, stream: UInt32) throws {
        func answer(_ body: WireControl.OneOf_Body) { reply(body, stream: stream, on: connection) }
        switch request.body {
        case .openJob(let message): answer(.jobOpened(try openJob(message, on: connection)))
        case .sealJob(let message):
            let job = try JobID(wire: message.job)
            try decide { master, now throws(SchedulerRefusal) in
                try master.sealed(job, imageCount: message.imageCount, at: now)
            }
            answer(.done(WireDone()))
        case .findBlobs(let message):
            guard message.digests.count <= 256 else {
                throw ProtocolViolation(
                    field: "FindBlobs.digests", value: "\(message.digests.count) digests",
                    allowed: "at most 256 a message; ask for the others in further ones")
            }
            let digests = try message.digests.map { try BlobDigest(wire: $0) }
            let job = message.job == 0 ? nil : JobID(message.job)
            let present = decide { $0.blobsSought(digests, for: job, by: ObjectIdentifier(connection), at: $1) }
            answer(.blobsFound(.with { $0.present = present }))
        case .getJob(let message): answer(.jobSummary(wire(try summary(of: message.job))))
        case .watchJob(let message):
            let summary = try summary(of: message.job)
            if !summary.state.isFinal { try watchers.add(connection, stream: stream, to: summary.description.id) }
            answer(.jobSummary(wire(summary)))
        case .stopWatching(let message):
            watchers.remove(connection, from: try JobID(wire: message.job))
            answer(.done(WireDone()))
        case .listJobs(let message):
            let limit = message.limit == 0 ? 100 : Int(min(message.limit, 200))
            let before = message.before == 0 ? nil : JobID(message.before)
            answer(.jobList(.fitting(master.scheduler.jobs(before: before, limit: limit).map(WireJobSummary.init))))
        case .listImages(let message): answer(.imageList(try images(message)))
        case .getSegments(let message): answer(.segmentList(try segments(message)))
        case .cancelJob(let message):
            let job = try JobID(wire: message.job)
            try decide { master, now throws(SchedulerRefusal) in try master.cancelled(job, at: now) }
            logger.info("job cancelled", metadata: ["job.id": "\(job)"])
            answer(.done(WireDone()))
        case .forgetJob(let message):
            let job = try JobID(wire: message.job)
            try decide { master, now throws(SchedulerRefusal) in try master.forgotten(job, at: now) }
            logger.info("job forgotten: a client asked for it", metadata: ["job.id": "\(job)"])
            answer(.done(WireDone()))
        case .listWorkers(let message):
            let workers = master.scheduler.workers(
                at: now, after: message.after == 0 ? nil : WorkerID(message.after),
                limit: WireWorkerList.longestCount + 1)
            answer(
                .workerList(
                    .fitting(
                        workers.map { WireWorkerStatus($0, address: master.links[$0.id]?.remoteAddress ?? "") })))
        case .drainWorker(let message): try drain(message, answer)
        case .releaseWorker(let message):
            let released = try decide { master, now throws(SchedulerRefusal) in
                try master.released(message.worker, at: now)
            }
            logger.notice("workers released", metadata: ["worker.ids": "\(released)", "by": "\(message.worker)"])
            answer(.affected(.with { $0.count = UInt32(released.count) }))
        case .listDead, .showDead, .redriveDead, .purgeDead: answer(try deadLetters(request))
        case let other:
            throw ProtocolViolation(
                field: "Control.body", value: other.map { "\($0)".prefix(40).description } ?? "nothing",
                allowed: "a request that a client may make")
        }
    }

    private func openJob(_ message: WireOpenJob, on connection: ControlConnection) throws -> WireJobOpened {
        let pipeline = try PipelineCache.shared.pipeline(message.pipeline)
        try pipeline.checkForSubmission()
        let defaults = settings.jobDefaults
        let chunkByteCount =
            message.chunkByteCount == 0
            ? settings.chunkByteCount(imageCount: message.expectedImageCount) : message.chunkByteCount
        guard MasterSettings.chunkByteCounts.contains(chunkByteCount) else {
            let (least, largest) = (MasterSettings.leastChunkByteCount, MasterSettings.largestChunkByteCount)
            throw SchedulerRefusal.invalidArgument(
                "a chunk has \(chunkByteCount) bytes; allowed are \(least) to \(largest): give another --chunk-bytes, "
                    + "or none for the master's")
        }
        let options = JobOptions(
            chunkByteCount: chunkByteCount,
            maximumPixelCount: message.maximumPixelCount == 0
                ? defaults.maximumPixelCount : min(message.maximumPixelCount, defaults.maximumPixelCount),
            mayUseCache: !message.noCache,
            maximumAttempts: message.maximumAttempts == 0
                ? defaults.maximumAttempts : min(message.maximumAttempts, 100),
            auditShare: message.hasAuditShare ? AuditShare(millionths: message.auditShare) : defaults.auditShare,
            maximumMetadataByteCount: defaults.maximumMetadataByteCount,
            encoding: try Self.checked(message.encoding, OutputEncoding.check),
            decoding: try Self.checked(message.decoding) { text throws(CodecError) in
                try DecodingOptions(parsing: text).text
            })
        let opening = JobOpening(
            token: message.token, submitter: message.submitter, priority: message.priority,
            pipeline: pipeline.canonicalText, options: options)
        let job = try decide { master, now throws(SchedulerRefusal) in
            try master.jobOpened(opening, by: ObjectIdentifier(connection), at: now)
        }
        let summary = master.scheduler.jobSummary(job)
        return .with {
            $0.job = job.rawValue
            $0.imageCount = summary?.counts.images ?? 0
            $0.sealed = summary?.isSealed ?? false
        }
    }

    /// The canonical form of what a client asks for.
    private static func checked(
        _ text: String, _ canonical: (String) throws(CodecError) -> String
    ) throws(SchedulerRefusal) -> String {
        guard text.utf8.count <= JobOptions.longestCoding else {
            throw .invalidArgument(
                "the file format has \(text.utf8.count) bytes; at most \(JobOptions.longestCoding) are allowed")
        }
        do { return try canonical(text) } catch { throw .invalidArgument(error.reason) }
    }

    /// A client announced images, whose headers are to be examined.
    ///
    /// - Returns: the job that they are examined for.
    func imagesAnnounced(
        for job: JobID, inputs: [BlobDigest], by connection: ControlConnection
    ) throws -> JobDescription {
        let (description, missing) = try decide { master, now throws(SchedulerRefusal) in
            try master.imagesAnnounced(for: job, inputs: inputs, by: ObjectIdentifier(connection), at: now)
        }
        if let missing { throw MissingInput(digest: missing) }
        return description
    }

    /// Adds examined images. When an input has gone since, the client uploads it again.
    func addImages(to job: JobID, firstIndex: UInt32, _ offers: [ImageOffer]) throws {
        let addition = try decide { master, now throws(SchedulerRefusal) in
            try master.imagesAdded(to: job, firstIndex: firstIndex, offers, at: now)
        }
        switch addition {
        case .added: uploads.claimed(by: job)
        case .missing(let digest): throw MissingInput(digest: digest)
        }
    }

    /// Answers with the counters as of the turn that the question is part of.
    ///
    /// - Parameter residentByteCount: of this process.
    func masterStatusSought(residentByteCount: UInt64, on connection: ControlConnection, stream: UInt32) {
        afterCommit { [self] in
            let status = WireMasterStatus(counters, settings: settings, residentByteCount: residentByteCount)
            connection.send(.masterStatus(status), stream: stream)
        }
    }

    /// A client's connection ended.
    func clientLeft(_ connection: ControlConnection) {
        watchers.remove(connection)
        decide { $0.clientLeft(ObjectIdentifier(connection), at: $1) }
    }

    private func summary(of rawJob: UInt64) throws -> JobSummary {
        let job = try JobID(wire: rawJob)
        guard let summary = master.scheduler.jobSummary(job) else { throw SchedulerRefusal.unknownJob(job) }
        return summary
    }

    /// The summary for one who asks for this job.
    func wire(_ summary: JobSummary) -> WireJobSummary {
        var wire = WireJobSummary(summary)
        if !summary.state.isFinal { wire.obstacle = storageObstacle ?? "" }
        return wire
    }

    private func images(_ message: WireListImages) throws -> WireImageList {
        let summary = try summary(of: message.job)
        let limit = message.limit == 0 ? 256 : Int(min(message.limit, 256))
        let statuses = master.scheduler.images(of: summary.description.id, firstIndex: message.firstIndex, limit: limit)
        return .fitting(statuses.map(WireImageStatus.init), imageCount: summary.counts.images)
    }

    private func segments(_ message: WireGetSegments) throws -> WireSegmentList {
        let image = ImageID(job: try JobID(wire: message.job), index: message.index)
        let partial = master.scheduler.partialResult(
            of: image, firstRow: message.firstRow, limit: WireSegmentList.longestCount)
        guard let partial else {
            _ = try summary(of: message.job)
            throw SchedulerRefusal.unknownImage(image)
        }
        return .fitting(partial)
    }

    private func drain(_ message: WireDrainWorker, _ answer: (WireControl.OneOf_Body) -> Void) throws {
        let worker = try WorkerChoice(of: message.worker, among: master.scheduler.workers(at: now)).worker
        decide { $0.draining(worker.id, on: !message.resume, at: $1) }
        let connection = master.links[worker.id]
        afterCommit { connection?.send(.drain(.with { $0.resume = message.resume })) }
        answer(.done(WireDone()))
    }

    private func deadLetters(_ request: WireControl) throws -> WireControl.OneOf_Body {
        func optionalJob(_ raw: UInt64) -> JobID? { raw == 0 ? nil : JobID(raw) }
        switch request.body {
        case .showDead(let message):
            let image = ImageID(job: try JobID(wire: message.job), index: message.index)
            guard let dead = master.scheduler.deadImage(image) else {
                _ = try summary(of: message.job)
                guard let state = master.scheduler.imageStatus(image)?.state else {
                    throw SchedulerRefusal.unknownImage(image)
                }
                throw SchedulerRefusal.imageNotInState(image, is: state, needed: "dead-lettered")
            }
            var answer = WireDeadImage(dead, withAttempts: true)
            // The oldest attempts make room when the output tails are long.
            while !answer.attempts.isEmpty, !WireControl(.deadImage(answer)).fitsFrame { answer.attempts.removeFirst() }
            return .deadImage(answer)
        case .redriveDead(let message):
            let index = message.oneImage ? message.index : nil
            let count = try decide { master, now throws(SchedulerRefusal) in
                try master.deadRedriven(job: optionalJob(message.job), index: index, at: now)
            }
            return .affected(.with { $0.count = UInt32(count) })
        case .purgeDead(let message):
            let index = message.oneImage ? message.index : nil
            let count = try decide { master, now throws(SchedulerRefusal) in
                try master.deadPurged(job: optionalJob(message.job), index: index, at: now)
            }
            return .affected(.with { $0.count = UInt32(count) })
        case let other:
            guard case .listDead(let message) = other else {
                preconditionFailure("\(request) is not about dead letters")
            }
            if let job = optionalJob(message.job) { _ = try summary(of: job.rawValue) }
            let after = optionalJob(message.afterJob).map { ImageID(job: $0, index: message.afterIndex) }
            let dead = master.scheduler.deadImages(
                job: optionalJob(message.job), after: after, limit: WireDeadList.longestCount + 1)
            return .deadList(.fitting(dead.map { WireDeadImage($0, withAttempts: false) }))
        }
    }
}

/// An image's input is not in the store (any more).
struct MissingInput: Error {
    let digest: BlobDigest
}
