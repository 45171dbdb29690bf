import JobModel
import SeededFaults

// How images end.

extension Scheduler {
    /// The shell has built the image's output file.
    public mutating func imageAssembled(
        _ image: ImageID, result: BlobReference, run: AttemptNumber? = nil, at now: Moment,
        into decision: inout Decision
    ) {
        let now = clockRead(now)
        let isOfThisRun = run == nil || run == ledger.image(image)?.attemptFloor
        guard seeded(.staleAssemblyAccepted, true, else: isOfThisRun),
            endAssembly(of: image, stored: result.byteCount)
        else {
            // A race: the job was cancelled during the assembly.
            totals.staleReports += 1
            if !ledger.blobs.isNeeded(result.digest) { decision.actions.append(.deleteBlob(result.digest)) }
            return
        }
        completed(image, result, fromCache: false, at: now, into: &decision)
        decision.noteChange(of: image.job)
        finishIfComplete(image.job, at: now, into: &decision)
        finishEvent(at: now, into: &decision)
    }

    /// The shell could not build the image's output file, though all segments are there.
    public mutating func assemblyFailed(
        _ image: ImageID, reason: String, at now: Moment, into decision: inout Decision
    ) {
        let now = clockRead(now)
        guard assembling[image] != nil else {
            totals.staleReports += 1
            return
        }
        let failure = Failure(.workerError, "the output file could not be put together: \(reason)")
        imageFailed(image, failure, deadLettered: true, at: now, into: &decision)
        finishEvent(at: now, into: &decision)
    }

    /// Intermediate blobs of the image are gone or damaged: its tasks start over.
    public mutating func blobsLost(of image: ImageID, at now: Moment, into decision: inout Decision) {
        let now = clockRead(now)
        guard ledger.state(of: image) == .running else {
            totals.staleReports += 1
            return
        }
        let restarts = ledger.image(image)?.restarts ?? 0
        if restarts >= configuration.maximumRestarts {
            let failure = Failure(
                .workerError,
                "intermediate blobs were lost \(restarts + 1) times; check the master's disk, then redrive the image")
            imageFailed(image, failure, deadLettered: true, at: now, into: &decision)
        } else {
            withdraw(image, .imageRestarted, at: now, into: &decision)
            commit(.imageRestarted(image), into: &decision)
            queue.push(TaskKey(image, 0))
            decision.noteChange(of: image.job)
        }
        finishEvent(at: now, into: &decision)
    }

    mutating func imageFailed(
        _ image: ImageID, _ failure: Failure, deadLettered: Bool, at now: Moment, into decision: inout Decision
    ) {
        withdraw(image, .imageFinal, at: now, into: &decision)
        let isKept = deadLettered && ledger.totals.deadLetters < configuration.maximumDeadLetters
        let failure = deadLettered && !isKept ? notKept(failure) : failure
        commit(.imageFailed(image, failure: failure, deadLettered: isKept), into: &decision)
        decision.noteChange(of: image.job)
        finishIfComplete(image.job, at: now, into: &decision)
    }

    /// The failure of an image for which there is no room among the dead letters.
    private func notKept(_ failure: Failure) -> Failure {
        let note =
            "; it is not kept for a redrive, since \(ledger.totals.deadLetters) images are already, as many as "
            + "--max-dead-letters of the master allows: purge some, and submit it again"
        return Failure(failure.cause, failure.reason + note, outputTail: failure.outputTail)
    }

    mutating func assembleIfComplete(_ image: ImageID, into decision: inout Decision) {
        guard ledger.jobs[image.job]?.progress[image.index]?.isComplete == true,
            var assembly = ledger.progress(of: image)?.assembly(of: image)
        else { return }
        assembly.run = ledger.image(image)?.attemptFloor ?? 0
        let byteCount = assembly.storageByteCount
        assembling[image] = byteCount
        storage.promise(byteCount)
        decision.actions.append(.assemble(assembly))
    }

    /// The image has its result, computed or kept.
    mutating func completed(
        _ image: ImageID, _ result: BlobReference, fromCache: Bool, at now: Moment, into decision: inout Decision
    ) {
        let before = ledger.jobs[image.job]?.revocableCount
        let replacedBefore = ledger.jobs[image.job]?.counts.resultsReplaced
        commit(.imageCompleted(image, result: result, fromCache: fromCache), into: &decision)
        if ledger.jobs[image.job]?.revocableCount != before { awaitSettling(of: image.job, at: now) }
        if ledger.jobs[image.job]?.counts.resultsReplaced != replacedBefore { totals.resultsReplaced += 1 }
    }

    /// The image's output file is not being built any more.
    ///
    /// - Returns: whether it was.
    @discardableResult
    mutating func endAssembly(of image: ImageID, stored: UInt64) -> Bool {
        guard let promised = assembling.removeValue(forKey: image) else { return false }
        storage.release(promised, stored: stored)
        return true
    }

    mutating func finishIfComplete(_ job: JobID, at now: Moment, into decision: inout Decision) {
        guard ledger.jobs[job]?.state.isFinal == false, ledger.jobs[job]?.isComplete == true,
            let outcome = ledger.jobs[job]?.outcome
        else { return }
        commit(.jobFinished(job, state: outcome, at: now.wallClockMilliseconds), into: &decision)
        closeJob(job, at: now, into: &decision)
    }

    /// Nothing of the job waits or runs any more.
    mutating func closeJob(_ job: JobID, at now: Moment, into decision: inout Decision) {
        if !seeded(.cancelledTasksWait) { queue.close(job) }
        heldTasks[job] = nil
        if !putOff.isEmpty { putOff = putOff.filter { $0.job != job } }
        pacer.completed(at: now.instant)
        durations[job] = nil
        decision.noteChange(of: job)
    }
}

extension Assembly {
    /// Bytes that the output file takes in the store; none when the document is there already.
    public var storageByteCount: UInt64 {
        if document != nil { return 0 }
        return ImagePlan.storageByteCount(
            assembling: parts.reduce(UInt64(0)) { $0.addingClamped($1.segment.byteCount) })
    }
}
