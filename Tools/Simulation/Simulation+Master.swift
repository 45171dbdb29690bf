import JobModel
import MasterMachine
import SeededFaults
import Scheduler

// The master's shell, as the daemon's decision loop has it: take the mail, decide, commit, and only then send.

extension Simulation {
    private static var unsealedTimeout: Duration { .seconds(60) }

    /// Both clocks as the master reads them.
    var moment: Moment {
        let now = timeline.now
        let wall = Int(now.nanoseconds / 1_000_000) + 1_700_000_000_000 + wallClockError
        guard seeded(.wallClockLeases) else { return Moment(now, wallClockMilliseconds: UInt64(wall)) }
        return Moment(Instant(nanoseconds: UInt64(wall) * 1_000_000), wallClockMilliseconds: UInt64(wall))
    }

    /// The time of the simulation at which the master's clock shows `deadline`.
    private func time(of deadline: Instant) -> Instant { timeline.now + (deadline - moment.instant) }

    func startMaster() {
        guard master == nil else { return }
        masterRuns += 1
        trace.note("master starts, run", masterRuns, detail: UInt64(disk.recordCount), at: timeline.now)
        observer.recovered(disk, report: violate)
        // What the master before this one ended, it tells the workers when they register.
        _ = observer.takeEndedLeases()
        // Nothing can be expected of a scheduler that is given a broken journal.
        guard violation == nil else { return }
        do {
            let identifiers = WorkerIdentifiers(reserved: disk.reservedWorkers)
            var configuration = options.schedulerConfiguration
            configuration.resultRevision = resultRevision
            var scheduler = try Scheduler(
                configuration: configuration, nextWorker: identifiers.first)
            for transaction in disk.transactions {
                for record in transaction { try scheduler.replay(record) }
            }
            master = SimulatedMaster(
                scheduler: scheduler, identifiers: identifiers, kept: KeptJobs(duration: options.keepResults),
                run: masterRuns)
        } catch {
            violate(.durability, "the journal can not be replayed: \(error)")
            return
        }
        guard let master else { return }
        master.scheduler.recovered(at: moment, into: &master.outbox.decision)
        for case .imageCompleted(let image, let result, _) in disk.transactions.joined() {
            remember(image, result, at: master)
        }
        for (image, intermediates) in master.scheduler.intermediateBlobs().sorted(by: { $0.image < $1.image })
        where intermediates.contains(where: { !blobs.contains($0.digest) }) {
            master.scheduler.blobsLost(of: image, at: moment, into: &master.outbox.decision)
        }
        let summaries = master.scheduler.jobs(before: nil, limit: .max)
        for summary in summaries where summary.state == .open {
            master.unsealed.opened(summary.description.id, by: nil, at: timeline.now)
        }
        master.kept.recovered(
            summaries.compactMap { summary in summary.finishedAt.map { (summary.description.id, $0) } }, at: moment)
        keptBook.masterStarted(at: timeline.now)
        arrangeTurn(at: timeline.now)
    }

    /// The process ends without warning.
    ///
    /// - Parameter powerFails: nobody is told, and some files that were not synced are gone.
    func killMaster(powerFails: Bool) {
        guard let master else { return }
        if powerFails {
            let intermediates = master.scheduler.intermediateBlobs().sorted { $0.image < $1.image }
            for (_, references) in intermediates where random.happens(onceIn: 3) {
                if let lost = references.randomElement(using: &random) { blobs.remove(lost.digest) }
            }
        }
        self.master = nil
        disk.crash(using: &random, keepsTornPrefix: seeded(.tornTransactionKept))
        for connection in network.openConnections(ofMaster: master.run) {
            closeAtMaster(connection, quietly: powerFails)
        }
        if options.changesReleases && isFaulty && random.happens(onceIn: 3) {
            resultRevision = JobOptions.currentResultRevision + UInt32(random.draw(0...2))
            trace.noteFault("master becomes another release", Int(resultRevision), at: timeline.now)
        }
        timeline.arrange(.masterStarts, after: spell(upTo: .seconds(20)))
    }

    func arrangeTurn(at time: Instant) {
        guard let master else { return }
        let time = max(time, master.pausedUntil)
        if let next = master.nextTurn, next <= time { return }
        master.nextTurn = time
        timeline.arrange(.masterTurns(run: master.run), at: time)
    }

    func post(_ mail: MasterMail, on connection: Int?) {
        master?.mailbox.append((connection, mail))
        arrangeTurn(at: timeline.now)
    }

    func masterHears(_ mail: MasterMail, on connection: Int) {
        guard let master, network[connection].masterRun == master.run, network[connection].isOpenAtMaster else {
            // Nobody listens there: the peer is told, as by a reset.
            if network[connection].isOpenAtPeer { tellPeerOfEnd(connection) }
            return
        }
        let now = timeline.now
        if network[connection].heldUntil < master.pausedUntil && now < master.pausedUntil {
            // It is read some time after the master goes on; by no other event at that very time.
            let pause = random.draw(.milliseconds(1) ... .milliseconds(50)) + .nanoseconds(1)
            network[connection].heldUntil = master.pausedUntil + pause
        }
        if now < network[connection].heldUntil {
            network[connection].arrived(at: now)
            timeline.arrange(.masterHears(connection: connection, mail), at: network[connection].heldUntil)
            return
        }
        if now > network[connection].heldUntil { network[connection].arrived(at: now) }
        post(mail, on: connection)
    }

    func turnMaster(_ run: Int) {
        guard let master, master.run == run, let due = master.nextTurn, due <= timeline.now else { return }
        if master.pausedUntil > timeline.now {
            master.nextTurn = nil
            arrangeTurn(at: master.pausedUntil)
            return
        }
        master.nextTurn = nil
        guard master.committing == nil else { return }
        let mail = master.mailbox
        master.mailbox.removeAll(keepingCapacity: true)
        master.listings = [:]
        master.settled = []
        for item in mail { handle(item.mail, on: item.connection, at: master) }
        master.scheduler.wakeUpIfDue(at: moment, into: &master.outbox.decision)
        if timeline.now >= master.nextHousekeeping { keepHouse(master) }
        beginCommit(master)
    }

    private func keepHouse(_ master: SimulatedMaster) {
        master.nextHousekeeping = timeline.now + .seconds(5)
        for job in master.unsealed.abandoned(at: timeline.now, after: Self.unsealedTimeout) {
            _ = try? master.scheduler.jobCancelled(job, at: moment, into: &master.outbox.decision)
        }
        master.kept.forgetDue(in: &master.scheduler, at: moment, into: &master.outbox.decision)
        for digest in master.pins.expired(at: timeline.now, isIncomplete: master.unsealed.contains)
        where master.pins.mayDelete(digest, isNeeded: master.scheduler.isNeeded(digest)) {
            delete(digest)
        }
    }

    private func beginCommit(_ master: SimulatedMaster) {
        checkDeaths(master)
        guard let turn = master.outbox.take() else {
            turnEnded(master)
            return
        }
        let early = turn.beforeCommit
        perform(early.replies, early.actions, at: master)
        master.committing = turn
        if turn.records.isEmpty {
            finishCommit(master)
            return
        }
        disk.write(turn.records)
        let duration =
            trial == nil && random.happens(onceIn: 200)
            ? Duration.seconds(1) : random.draw(.microseconds(100)...options.longestCommit)
        if duration >= .seconds(1), seeded(.transactionWrittenTwice) { disk.write(turn.records) }
        timeline.arrange(.masterCommitted(run: master.run), after: duration)
    }

    func masterCommitted(_ run: Int) {
        guard let master, master.run == run else { return }
        if master.pausedUntil > timeline.now {
            timeline.arrange(.masterCommitted(run: run), at: master.pausedUntil)
            return
        }
        commitCount += 1
        if !seeded(.journalDoesNotSync) || commitCount.isMultiple(of: 50) { disk.sync() }
        observer.observe(disk, report: violate)
        checkLosersAreTold(master)
        finishCommit(master)
    }

    private func finishCommit(_ master: SimulatedMaster) {
        guard let turn = master.committing else { return }
        master.committing = nil
        for record in turn.records {
            switch record {
            case .imageCompleted(let image, let result, _): remember(image, result, at: master)
            case .jobFinished(let job, _, let time), .jobCancelled(let job, let time):
                master.kept.ended(job, finishedAt: time, at: timeline.now)
            default: break
            }
        }
        keptBook.observe(turn.records, at: timeline.now, report: violate)
        let due = turn.afterCommit
        perform(due.replies, due.actions, at: master)
        if trial == nil && commitCount.isMultiple(of: 256) { checkReplay(master) }
        turnEnded(master)
    }

    private func perform(_ replies: [SimulatedMaster.Reply], _ actions: [Action], at master: SimulatedMaster) {
        for reply in replies { send(reply) }
        for action in actions { perform(action, at: master) }
    }

    private func turnEnded(_ master: SimulatedMaster) {
        checkConnections(master)
        if !master.mailbox.isEmpty || !master.outbox.isEmpty { arrangeTurn(at: timeline.now) }
        if !seeded(.lostWakeUp), let deadline = master.scheduler.nextDeadline { arrangeTurn(at: time(of: deadline)) }
        arrangeTurn(at: master.nextHousekeeping)
    }

    private func send(_ reply: SimulatedMaster.Reply) {
        switch reply {
        case .toWorker(let connection, let mail): sendToWorker(mail, on: connection)
        case .toClient(let connection, let mail): sendToClient(mail, on: connection)
        }
    }

    private func perform(_ action: Action, at master: SimulatedMaster) {
        switch action {
        case .grant(let lease, let spec, let worker):
            trace.note("granted to worker", Int(worker.rawValue), lease: lease, at: timeline.now)
            observer.granting(lease, to: worker, report: violate)
            if options.liarCount > 0 { gossip.hear(of: lease, spec) }
            if let connection = master.workers[worker] { sendToWorker(.grant(lease, spec), on: connection) }
        case .revoke(let lease, let worker, _):
            trace.note("revoked from worker", Int(worker.rawValue), lease: lease, at: timeline.now)
            if let connection = master.workers[worker] { sendToWorker(.revoke(lease), on: connection) }
        case .assemble(let assembly):
            master.assemblies[assembly.image] = assembly
            guard !seeded(.assemblyNotReported) else { break }
            timeline.arrange(
                .masterAssembled(run: master.run, assembly.image),
                after: random.draw(.milliseconds(1) ... .milliseconds(300)))
        case .jobChanged: break
        case .deleteBlob(let digest):
            master.results.remove(digest)
            if master.pins.mayDelete(digest, isNeeded: master.scheduler.isNeeded(digest)) { delete(digest) }
        case .workerDeclaredDead(let worker):
            deathsDeclared += 1
            trace.note("declared dead, worker", Int(worker.rawValue), at: timeline.now)
            if let connection = master.workers.declaredDead(worker) { closeAtMaster(connection) }
        }
    }

    private func delete(_ digest: BlobDigest) {
        observer.deleting(digest, report: violate)
        if master?.pins.isPinned(digest) == true {
            violate(.blobs, "blob \(digest) is deleted, though somebody was just told that it is stored")
        }
        blobs.remove(digest)
    }

    /// Stores a blob that a peer sent; it stays for a while even if nobody needs it yet.
    func store(_ blob: BlobReference, for job: JobID? = nil) {
        blobs.insert(blob.digest)
        pin(blob.digest, for: job)
    }

    func pin(_ digest: BlobDigest, for job: JobID? = nil) { master?.pins.pin(digest, for: job, at: timeline.now) }

    /// Notes that the image's result can answer identical requests.
    private func remember(_ image: ImageID, _ result: BlobReference, at master: SimulatedMaster) {
        guard let status = master.scheduler.imageStatus(image),
            let job = master.scheduler.jobSummary(image.job)?.description
        else { return }
        let key = ResultCache.Key(
            input: status.input.digest, pipeline: job.pipeline, revision: status.resultRevision)
        master.results.insert(result, for: key)
    }
}
