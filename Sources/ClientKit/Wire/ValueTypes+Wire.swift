import JobModel
import Protocol

// The value types from and to the wire's messages. A number outside its range is the master's error: it is thrown as a
// `ProtocolViolation`.

extension WireOpenJob {
    /// In the message, 0 leaves a limit to the master.
    ///
    /// - Throws: `ClientError` when the master would leave out what it does not know, and give other files than are asked for.
    init(_ request: JobRequest, minorVersion: UInt32) throws(ClientError) {
        let asksForFormats = !request.encoding.isEmpty || !request.decoding.isEmpty
        guard minorVersion >= Preface.formatsMinorVersion || !asksForFormats else {
            throw .usage(
                "the master is of an older release, which reads and writes PNG files only; leave out what is said about "
                    + "formats, or install this release on the master and its workers")
        }
        self.init()
        token = request.token
        submitter = request.submitter
        priority = request.priority
        pipeline = request.pipeline
        noCache = !request.mayUseCache
        chunkByteCount = request.chunkByteCount ?? 0
        maximumPixelCount = request.maximumPixelCount ?? 0
        maximumAttempts = request.maximumAttempts ?? 0
        if let share = request.auditShare { auditShare = share.millionths }
        encoding = request.encoding
        decoding = request.decoding
        expectedImageCount = UInt32(clamping: request.expectedImageCount)
    }
}

extension OpenedJob {
    init(wire: WireJobOpened) throws(ProtocolViolation) {
        self.init(
            job: try JobID(wire: wire.job, field: "JobOpened.job"), imageCount: Int(wire.imageCount),
            isSealed: wire.sealed)
    }
}

extension WireNewImage {
    init(_ image: NewImage) {
        self.init()
        name = image.name
        input = image.input.wire
    }
}

extension JobSummary {
    init(wire: WireJobSummary) throws(ProtocolViolation) {
        self.init(
            id: try JobID(wire: wire.job, field: "JobSummary.job"), state: State(name: wire.state),
            pipeline: wire.pipeline, submitter: wire.submitter, priority: wire.priority,
            submittedAt: wire.submittedAt, finishedAt: wire.finishedAt > 0 ? wire.finishedAt : nil,
            isSealed: wire.sealed, imageCount: Int(wire.imageCount), imagesDone: Int(wire.imagesDone),
            imagesFailed: Int(wire.imagesFailed), imagesFromCache: Int(wire.imagesFromCache),
            tasksTotal: wire.tasksTotal, tasksDone: wire.tasksDone, attemptsLost: wire.attemptsLost,
            attemptsFailed: wire.attemptsFailed, pixelsTotal: wire.pixelsTotal, pixelsDone: wire.pixelsDone,
            obstacle: wire.obstacle.isEmpty ? nil : wire.obstacle,
            auditShare: AuditShare(millionths: wire.auditShare), tasksAudited: wire.tasksAudited,
            auditsSkipped: wire.auditsSkipped, resultsWithdrawn: wire.resultsWithdrawn,
            resultsReplaced: wire.resultsReplaced)
    }
}

extension ImageStatus {
    init(wire: WireImageStatus) throws(ProtocolViolation) {
        self.init(
            index: wire.index, name: wire.name, state: State(name: wire.state),
            geometry: wire.hasGeometry ? try ImageGeometry(wire: wire.geometry, field: "ImageStatus.geometry") : nil,
            result: wire.hasResult ? try BlobReference(wire: wire.result, field: "ImageStatus.result") : nil,
            failure: wire.hasFailure ? FailureReport(wire: wire.failure) : nil, tasksTotal: wire.tasksTotal,
            tasksDone: wire.tasksDone, isFromCache: wire.fromCache,
            withdrawn: wire.withdrawn.isEmpty ? nil : try BlobDigest(wire: wire.withdrawn),
            replaced: wire.replaced.isEmpty ? nil : try BlobDigest(wire: wire.replaced),
            remarks: wire.remarks.map { Remark(code: $0.code, count: Int($0.count), byteCount: $0.byteCount) },
            encoding: wire.encoding)
    }
}

extension PartialResult {
    init(wire: WireSegmentList) throws(ProtocolViolation) {
        let output = wire.hasOutput ? try ImageGeometry(wire: wire.output, field: "SegmentList.output") : nil
        self.init(
            state: ImageStatus.State(name: wire.state), run: wire.run, output: output, encoding: wire.encoding,
            nextRow: wire.nextRow > 0 ? wire.nextRow : nil,
            result: wire.hasResult ? try BlobReference(wire: wire.result, field: "SegmentList.result") : nil)
        for rows in wire.finished {
            let (rows, segments, checksum) = try rows.validated(height: output?.height ?? 0)
            guard finished.last.map({ $0.rows.upperBound <= rows.lowerBound }) ?? true else {
                throw ProtocolViolation(
                    field: "SegmentList.finished", value: "rows \(rows) behind \(finished[finished.count - 1].rows)",
                    allowed: "rows from top to bottom, each once")
            }
            finished.append(FinishedRows(rows: rows, segments: segments, checksum: checksum))
        }
    }
}

extension FailureReport {
    init(wire: WireFailure) {
        self.init(code: wire.code, reason: wire.reason, outputTail: wire.outputTail)
    }
}

extension WorkerStatus {
    init(wire: WireWorkerStatus) throws(ProtocolViolation) {
        self.init(
            id: try WorkerID(wire: wire.worker, field: "WorkerStatus.worker"), name: wire.name,
            state: State(name: wire.state), address: wire.address, slotCount: Int(wire.slotCount),
            ranksPerSlot: Int(wire.ranksPerSlot), leasesHeld: Int(wire.leasesHeld), tasksDone: wire.tasksDone,
            attemptsLost: wire.attemptsLost, attemptsFailed: wire.attemptsFailed, residentBytes: wire.residentBytes,
            slotMemoryBytes: wire.slotMemoryBytes > 0 ? wire.slotMemoryBytes : nil,
            connectedTime: .milliseconds(Int64(clamping: wire.connectedMilliseconds)),
            silentTime: .milliseconds(Int64(clamping: wire.silentMilliseconds)), quarantinedBy: wire.quarantinedBy,
            unreadyReason: wire.unready.isEmpty ? nil : wire.unready)
    }
}

extension DeadLetter {
    init(wire: WireDeadImage) throws(ProtocolViolation) {
        self.init(
            image: ImageID(job: try JobID(wire: wire.job, field: "DeadImage.job"), index: wire.index),
            name: wire.name, failure: FailureReport(wire: wire.failure),
            attempts: wire.attempts.map { attempt in
                Attempt(
                    task: attempt.task, number: attempt.attempt, worker: attempt.worker,
                    failure: FailureReport(wire: attempt.failure))
            })
    }
}

extension MasterStatus {
    init(wire: WireMasterStatus) {
        self.init(
            software: wire.software, residentBytes: wire.residentBytes,
            uptime: .milliseconds(Int64(clamping: wire.uptimeMilliseconds)), tasksReady: wire.tasksReady,
            leasesRunning: wire.leasesRunning, jobsOpen: wire.jobsOpen, lateResults: wire.lateResults,
            blobBytes: wire.blobBytes, queuedBytes: wire.queuedBytes, askedToWait: wire.askedToWait,
            deadLetters: wire.deadLetters, workers: wire.hasWorkers ? WorkerCounts(wire: wire.workers) : nil,
            audits: AuditStatus(wire: wire), storage: MasterStatus.Storage(wire: wire),
            records: MasterStatus.Records(wire: wire),
            backlog: wire.hasBacklog ? MasterStatus.Backlog(wire: wire.backlog) : nil)
    }
}

extension MasterStatus.Backlog {
    fileprivate init(wire: WireBacklog) {
        self.init(
            tasks: wire.tasks, slotTime: .milliseconds(Int64(clamping: wire.slotMilliseconds)),
            slotsBusy: wire.slotsBusy, slotsIdle: wire.slotsIdle)
    }
}

extension AuditStatus {
    init(wire: WireMasterStatus) {
        self.init()
        waiting = wire.auditsWaiting
        disputed = wire.auditsDisputed
        agreed = wire.auditsAgreed
        differed = wire.auditsDiffered
        skipped = wire.auditsSkipped
        workersQuarantined = wire.workersQuarantined
        resultsWithdrawn = wire.resultsWithdrawn
        resultsReplaced = wire.resultsReplaced
    }
}

extension WorkerCounts {
    fileprivate init(wire: WireWorkerCounts) {
        self.init(taking: wire.taking, draining: wire.draining, silent: wire.silent, unready: wire.unready)
    }
}

extension MasterStatus.Storage {
    /// - Returns: `nil` for a master that does not say.
    init?(wire: WireMasterStatus) {
        guard wire.freeBytes > 0 || wire.minFreeBytes > 0 else { return nil }
        self.init(
            freeBytes: wire.freeBytes, minFreeBytes: wire.minFreeBytes, uploadsWait: wire.uploadsWait,
            shortage: wire.storageNeedBytes == 0
                ? nil : Shortage(needBytes: wire.storageNeedBytes, haveBytes: wire.storageHaveBytes))
    }
}

extension MasterStatus.Records {
    /// - Returns: `nil` for a master that does not say.
    init?(wire: WireMasterStatus) {
        guard wire.maxJobsKept > 0 else { return nil }
        self.init(
            jobs: wire.jobsKept, maxJobs: wire.maxJobsKept, images: wire.imagesKept, maxImages: wire.maxImagesKept,
            jobsYielded: wire.jobsYielded)
    }
}
