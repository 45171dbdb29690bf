import JobModel
import Protocol
import Scheduler

// The scheduler's answers as messages.

extension WireMasterStatus {
    init(_ counters: MasterCounters, settings: MasterSettings, residentByteCount: UInt64) {
        self.init()
        software = MasterSettings.software
        residentBytes = residentByteCount
        uptimeMilliseconds = UInt64(max(0, counters.uptime / .milliseconds(1)))
        tasksReady = UInt64(counters.scheduler.tasksReady)
        leasesRunning = UInt64(counters.scheduler.leasesRunning)
        jobsOpen = UInt64(counters.scheduler.jobsOpen)
        lateResults = counters.scheduler.lateResults
        queuedBytes = counters.uploads.waitingByteCount
        askedToWait = counters.askedToWait
        deadLetters = UInt64(counters.scheduler.deadLetters)
        auditsWaiting = UInt64(counters.scheduler.auditsWaiting)
        auditsDisputed = UInt64(counters.scheduler.auditsDisputed)
        auditsAgreed = counters.scheduler.auditsAgreed
        auditsDiffered = counters.scheduler.auditsDiffered
        auditsSkipped = counters.scheduler.auditsSkipped
        workersQuarantined = UInt64(counters.scheduler.workersQuarantined)
        resultsWithdrawn = counters.scheduler.resultsWithdrawn
        resultsReplaced = counters.scheduler.resultsReplaced
        workers = .with {
            $0.taking = UInt32(counters.scheduler.workersTaking)
            $0.draining = UInt32(counters.scheduler.workersDraining)
            $0.unready = UInt32(counters.scheduler.workersUnready)
            let idle =
                counters.scheduler.workersTaking + counters.scheduler.workersDraining
                + counters.scheduler.workersUnready + counters.scheduler.workersConnectedInQuarantine
            $0.silent = UInt32(max(0, counters.scheduler.workersConnected - idle))
        }
        freeBytes = counters.storage.availableByteCount
        minFreeBytes = settings.minimumFreeByteCount
        uploadsWait = counters.storage.uploadsWait
        storageNeedBytes = counters.storage.shortage?.need ?? 0
        storageHaveBytes = counters.storage.shortage?.have ?? 0
        jobsKept = UInt64(counters.scheduler.jobsKept)
        maxJobsKept = UInt64(settings.scheduler.maximumJobs)
        imagesKept = UInt64(counters.scheduler.imagesKept)
        maxImagesKept = UInt64(settings.scheduler.maximumImages)
        jobsYielded = counters.records.yieldedCount
        backlog = .with {
            $0.tasks = UInt64(max(0, counters.scheduler.tasksOpen))
            $0.slotMilliseconds = UInt64(max(0, counters.scheduler.backlog / .milliseconds(1)))
            $0.slotsBusy = UInt32(clamping: counters.scheduler.slotsBusy)
            $0.slotsIdle = UInt32(clamping: counters.scheduler.slotsIdle)
        }
    }
}

extension WireJobSummary {
    init(_ summary: JobSummary) {
        self.init()
        job = summary.description.id.rawValue
        state = summary.state.name
        pipeline = summary.description.pipeline
        submitter = summary.description.submitter
        priority = summary.description.priority
        submittedAt = summary.description.submittedAt
        finishedAt = summary.finishedAt ?? 0
        sealed = summary.isSealed
        let counts = summary.counts
        imageCount = counts.images
        imagesDone = counts.imagesDone
        imagesFailed = counts.imagesFailed
        imagesFromCache = counts.imagesFromCache
        tasksTotal = counts.tasksTotal
        tasksDone = counts.tasksDone
        attemptsLost = counts.attemptsLost
        attemptsFailed = counts.attemptsFailed
        pixelsTotal = counts.pixelsTotal
        pixelsDone = counts.pixelsDone
        auditShare = summary.description.options.auditShare.millionths
        tasksAudited = counts.tasksAudited
        auditsSkipped = counts.auditsSkipped
        resultsWithdrawn = counts.resultsWithdrawn
        resultsReplaced = counts.resultsReplaced
    }
}

extension WireImageStatus {
    init(_ status: ImageStatus) {
        self.init()
        index = status.id.index
        name = status.name
        state = status.state.name
        if let geometry = status.geometry { self.geometry = geometry.wire }
        encoding = status.coding.encoding
        if let result = status.result { self.result = result.wire }
        if let failure = status.failure { self.failure = failure.wire }
        tasksTotal = status.tasksTotal
        tasksDone = status.tasksDone
        fromCache = status.isFromCache
        if let digest = status.withdrawn { withdrawn = digest.wire }
        if let digest = status.replaced { replaced = digest.wire }
        remarks = status.remarks.map(\.wire)
    }
}

extension WireWorkerStatus {
    init(_ status: WorkerStatus, address: String) {
        self.init()
        worker = status.id.rawValue
        name = status.name
        state = status.state.rawValue
        slotCount = UInt32(status.slotCount)
        ranksPerSlot = UInt32(status.ranksPerSlot)
        leasesHeld = UInt32(status.leasesHeld)
        tasksDone = status.tasksDone
        attemptsLost = status.attemptsLost
        attemptsFailed = status.attemptsFailed
        residentBytes = status.residentBytes
        self.address = address
        connectedMilliseconds = UInt64(max(0, status.connectedFor / .milliseconds(1)))
        slotMemoryBytes = status.slotMemoryByteCount ?? 0
        silentMilliseconds = UInt64(max(0, status.silentFor / .milliseconds(1)))
        quarantinedBy = status.quarantinedBy.map(\.description) ?? ""
        unready = status.unreadyReason ?? ""
    }
}

extension WireDeadImage {
    init(_ dead: DeadImage, withAttempts: Bool) {
        self.init()
        job = dead.id.job.rawValue
        index = dead.id.index
        name = dead.name
        failure = dead.failure.wire
        // The listing leaves out the output tails, to have room for many images.
        if !withAttempts { failure.outputTail = "" }
        guard withAttempts else { return }
        attempts = dead.attempts.map { attempt in
            .with {
                $0.task = "\(attempt.lease.task)"
                $0.attempt = attempt.lease.attempt
                $0.worker = "\(attempt.worker)"
                $0.failure = attempt.failure.wire
            }
        }
    }
}

/// Lists are cut to what one control frame holds; the client asks on from the last element.
private let listByteBudget = 56 << 10

private func prefix<Element>(of elements: [Element], byteCount: (Element) -> Int) -> ArraySlice<Element> {
    var budget = listByteBudget
    let end = elements.firstIndex { element in
        budget -= byteCount(element) + 8
        return budget < 0
    }
    // Never none of some: no element is as long as a page, and a client that gets nothing does not get on.
    return elements[..<max(end ?? elements.count, min(1, elements.count))]
}

extension WireWorkerList {
    /// No page has more.
    static let longestCount = 512

    static func fitting(_ workers: [WireWorkerStatus]) -> WireWorkerList {
        .with {
            let page = prefix(of: workers) {
                $0.name.utf8.count + $0.address.utf8.count + $0.unready.utf8.count + $0.quarantinedBy.utf8.count + 160
            }
            $0.workers = Array(page.prefix(longestCount))
            $0.more = $0.workers.count < workers.count
        }
    }
}

extension WireJobList {
    static func fitting(_ jobs: [WireJobSummary]) -> WireJobList {
        .with { $0.jobs = Array(prefix(of: jobs) { $0.pipeline.utf8.count + $0.submitter.utf8.count + 160 }) }
    }
}

extension WireImageList {
    static func fitting(_ images: [WireImageStatus], imageCount: UInt32) -> WireImageList {
        .with {
            $0.imageCount = imageCount
            $0.images = Array(
                prefix(of: images) {
                    $0.name.utf8.count + $0.failure.reason.utf8.count + $0.failure.outputTail.utf8.count + 160
                        + $0.remarks.count * 48
                })
        }
    }
}

extension WireSegmentList {
    /// No page has more.
    static let longestCount = 512

    static func fitting(_ partial: PartialResult) -> WireSegmentList {
        .with {
            $0.state = partial.state.name
            $0.run = partial.run
            if let output = partial.output { $0.output = output.wire }
            $0.encoding = partial.encoding
            if let result = partial.result { $0.result = result.wire }
            let page = prefix(of: partial.finished) { 72 + $0.checksum.bytes.count }
            $0.finished = page.map { WireFinishedRows($0.rows, $0.segments, $0.checksum) }
            $0.nextRow =
                page.endIndex < partial.finished.endIndex
                ? partial.finished[page.endIndex].rows.lowerBound : partial.nextRow ?? 0
        }
    }
}

extension WireDeadList {
    /// No page has more: looking further than a frame can hold would be work for nothing.
    static let longestCount = 512

    static func fitting(_ images: [WireDeadImage]) -> WireDeadList {
        .with {
            let page = prefix(of: images) { $0.name.utf8.count + $0.failure.reason.utf8.count + 64 }
            $0.images = Array(page.prefix(longestCount))
            $0.more = $0.images.count < images.count
        }
    }
}

extension WireSecretStatus {
    /// Takes as many peers, and then clients that left, as a frame holds.
    mutating func fill(_ all: [WireSecretPeer], _ left: [WireSecretVisitor]) {
        // Half of the frame each.
        peers = Array(
            prefix(of: all) { ($0.name.utf8.count + $0.address.utf8.count + $0.software.utf8.count + 32) * 2 })
        visitors = Array(prefix(of: left) { ($0.host.utf8.count + $0.software.utf8.count + 32) * 2 })
    }
}
