import JobModel
import SeededFaults

// The quarantine of workers that compute wrongly, and the withdrawal of their results as far as it is possible.

extension Scheduler {
    /// The worker computed a wrong result: it gets no more work, and what it did lately is computed again.
    mutating func quarantine(
        _ worker: WorkerID, shownBy evidence: LeaseID, at now: Moment, into decision: inout Decision
    ) {
        guard ledger.quarantined[worker] == nil else { return }
        // The worker may have been started again since, which made it another one by its number only.
        let workers = [worker] + successors(of: worker).filter { ledger.quarantined[$0] == nil }
        for worker in workers {
            // A name that this run of the master made up would be another worker's.
            let name = pool[worker].flatMap { $0.isNamed ? $0.name : nil } ?? ""
            commit(
                .workerQuarantined(worker, name: name, evidence: evidence, at: now.wallClockMilliseconds),
                into: &decision)
            pool.update(worker) { $0.isQuarantined = true }
        }
        for worker in workers {
            for id in pool[worker]?.leases ?? [] {
                if pool[worker]?.isConnected == true {
                    decision.actions.append(.revoke(id, from: worker, .workerQuarantined))
                }
                let failure = Failure(
                    .workerQuarantined, "the worker computed a wrong result for the task \(evidence.task)")
                attemptEnded(id, failure, at: now, into: &decision)
            }
        }
        let undermined = ledger.underminedImages(by: Set(workers))
        for image in undermined.running { withdrawRunning(image, at: now, into: &decision) }
        for image in seeded(.doneResultsKept, [], else: undermined.done) {
            withdrawDone(image, at: now, into: &decision)
        }
        // What was complete may have audits again.
        for image in Array(assembling.keys) where ledger.jobs[image.job]?.progress[image.index]?.isComplete == false {
            endAssembly(of: image, stored: 0)
        }
    }

    /// The workers that registered under the name of this one when it was gone: later runs of the same.
    private func successors(of worker: WorkerID) -> [WorkerID] {
        guard let former = pool[worker], case .gone(let since) = former.link, !former.name.isEmpty else { return [] }
        return pool.namesakes(of: worker).filter { namesake in
            namesake > worker && pool[namesake].map { $0.firstSeen > since } == true
        }.sorted()
    }

    /// A quarantined worker comes back, and says what it calls itself: until now that may not have been known.
    mutating func nameQuarantined(_ worker: WorkerID, _ name: String, into decision: inout Decision) {
        guard let known = ledger.quarantined[worker], known.name.isEmpty, !name.isEmpty else { return }
        commit(.workerQuarantined(worker, name: name, evidence: known.evidence, at: known.since), into: &decision)
    }

    /// A worker registers for the first time. Under the name of a quarantined one, it is another run of the same.
    mutating func quarantineNamesake(
        _ worker: WorkerID, _ name: String, at now: Moment, into decision: inout Decision
    ) {
        guard let known = ledger.quarantine(named: name), !seeded(.namesakeTrusted) else { return }
        commit(
            .workerQuarantined(worker, name: name, evidence: known.evidence, at: now.wallClockMilliseconds),
            into: &decision)
    }

    /// The image starts over: something that was computed for it is wrong.
    mutating func withdrawRunning(_ image: ImageID, at now: Moment, into decision: inout Decision) {
        guard ledger.state(of: image) == .running else { return }
        withdraw(image, .imageRestarted, at: now, into: &decision)
        commit(.imageWithdrawn(image), into: &decision)
        queue.restore(image)
        decision.noteChange(of: image.job)
    }

    /// The image's result may be wrong: nobody gets it any more, and it is computed again.
    private mutating func withdrawDone(_ image: ImageID, at now: Moment, into decision: inout Decision) {
        guard ledger.state(of: image) == .done, let state = ledger.jobs[image.job]?.state else { return }
        if state != .cancelled { revise(image.job, into: &decision) }
        commit(.imageWithdrawn(image), into: &decision)
        totals.resultsWithdrawn += 1
        decision.noteChange(of: image.job)
        guard state != .cancelled else { return }
        if state.isFinal, let entry = ledger.jobs[image.job] {
            queue.open(entry.description, lane: lane(of: image.job), cursor: UInt32(entry.images.count))
        }
        queue.restore(image)
    }

    /// Whether what the worker reports counts.
    func isTrusted(_ worker: WorkerID) -> Bool {
        seeded(.quarantinedHeard, true, else: pool[worker]?.isQuarantined != true)
    }

    /// The operator trusts workers again.
    ///
    /// - Parameter name: a worker's identifier, or the name of one or more.
    /// - Returns: the workers that were quarantined under it.
    public mutating func workersReleased(
        _ name: String, at now: Moment, into decision: inout Decision
    ) throws(SchedulerRefusal) -> [WorkerID] {
        let now = clockRead(now)
        // A number names its worker alone, even if another one is called so.
        let byNumber = ledger.quarantined.filter { "\($0.key)" == name }
        let released = byNumber.isEmpty ? ledger.quarantined.filter { $0.value.name == name } : byNumber
        guard !released.isEmpty else {
            throw .invalidArgument(
                "no quarantined worker is called '\(name)'; `tessera workers` lists the workers, and which are quarantined"
            )
        }
        for worker in released.keys.sorted() {
            commit(.workerReleased(worker), into: &decision)
            // Runs that are quarantined no more by number, because there were many of them, are still known by name.
            for namesake in pool.namesakes(of: worker) where byNumber.isEmpty || namesake == worker {
                pool.update(namesake) { $0.isQuarantined = false }
            }
        }
        finishEvent(at: now, into: &decision)
        return released.keys.sorted()
    }

    // MARK: Results that can be withdrawn

    /// The job has one more result that can be withdrawn for a while.
    mutating func awaitSettling(of job: JobID, at now: Moment) {
        settling.append(job, due: now.instant + configuration.auditWindow)
        setSettlingAlarm(at: now)
    }

    /// After a restart, how long ago each result was made is not known: each can be withdrawn for as long as a new one.
    mutating func awaitSettlingOfAll(at now: Moment) {
        for job in ledger.jobOrder {
            for _ in ledger.jobs[job]?.revocable ?? [] {
                settling.append(job, due: now.instant + configuration.auditWindow)
            }
        }
        setSettlingAlarm(at: now)
    }

    private mutating func setSettlingAlarm(at now: Moment) {
        guard !settling.isAlarmSet, let due = settling.nextDue else { return }
        settling.isAlarmSet = true
        // Results of the same seconds share a record.
        alarms.set(.settling, at: max(due, now.instant + .seconds(5)))
    }

    /// Some results can no longer be withdrawn: their inputs may go.
    mutating func settlingAlarmFired(at now: Moment, into decision: inout Decision) {
        settling.isAlarmSet = false
        for (job, count) in settling.takeDue(by: now.instant) where ledger.jobs[job] != nil {
            commit(.resultsSettled(job, count: count), into: &decision)
        }
        setSettlingAlarm(at: now)
    }
}
