import JobModel
import Scheduler

// The master's shell, as the daemon's decision loop has it: take the mail, decide, commit, and only then send.

extension Simulation {
    private static var unsealedTimeout: Duration { .seconds(60) }
    private static var pinDuration: Duration { .seconds(600) }

    /// Both clocks as the master reads them.
    var moment: Moment {
        let now = timeline.now
        let wall = Int(now.nanoseconds / 1_000_000) + 1_700_000_000_000 + wallClockError
        guard bug == .wallClockLeases else { return Moment(now, wallClockMilliseconds: UInt64(wall)) }
        return Moment(Instant(nanoseconds: UInt64(wall) * 1_000_000), wallClockMilliseconds: UInt64(wall))
    }

    /// The time of the simulation at which the master's clock shows `deadline`.
    private func time(of deadline: Instant) -> Instant { timeline.now + (deadline - moment.instant) }

    func startMaster() {
        guard master == nil else { return }
        masterRuns += 1
        trace.note("master starts, run", masterRuns, detail: UInt64(disk.recordCount), at: timeline.now)
        observer.recovered(disk, report: violate)
        // Nothing can be expected of a scheduler that is given a broken journal.
        guard violation == nil else { return }
        do {
            let reserved = bug == .workerIdentifiersReused ? WorkerID(0) : disk.reservedWorkers
            var scheduler = try Scheduler(
                configuration: options.schedulerConfiguration, nextWorker: WorkerID(reserved.rawValue + 1))
            for transaction in disk.transactions {
                for record in transaction { try scheduler.replay(record) }
            }
            master = SimulatedMaster(scheduler: scheduler, run: masterRuns)
        } catch {
            violate("the journal can not be replayed: \(error)")
            return
        }
        guard let master else { return }
        if bug != .recoveryForgotten { master.scheduler.recovered(at: moment, into: &master.decision) }
        for (image, intermediates) in master.scheduler.intermediateBlobs().sorted(by: { $0.image < $1.image })
        where intermediates.contains(where: { !blobs.contains($0.digest) }) {
            master.scheduler.blobsLost(of: image, at: moment, into: &master.decision)
        }
        for summary in master.scheduler.jobs(before: nil, limit: .max) where summary.state == .open {
            master.unsealed[summary.description.id] = timeline.now
        }
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
        disk.crash(using: &random, keepsTornPrefix: bug == .tornTransactionKept)
        for connection in network.openConnections(ofMaster: master.run) {
            closeAtMaster(connection, quietly: powerFails)
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
        for item in mail { handle(item.mail, on: item.connection, at: master) }
        if bug != .lostWakeUp, let deadline = master.scheduler.nextDeadline, deadline <= moment.instant {
            master.scheduler.timePassed(at: moment, into: &master.decision)
        }
        if timeline.now >= master.nextHousekeeping { keepHouse(master) }
        beginCommit(master)
    }

    private func keepHouse(_ master: SimulatedMaster) {
        master.nextHousekeeping = timeline.now + .seconds(5)
        let late = master.unsealed.filter { timeline.now - $0.value > Self.unsealedTimeout }.keys.sorted()
        for job in late {
            master.unsealed[job] = nil
            _ = try? master.scheduler.jobCancelled(job, at: moment, into: &master.decision)
        }
        let ended = master.pins.filter { $0.value <= timeline.now }.keys.sorted()
        for digest in ended {
            master.pins[digest] = nil
            if !master.scheduler.isNeeded(digest) { delete(digest) }
        }
    }

    private func beginCommit(_ master: SimulatedMaster) {
        let made = master.decision
        let replies = master.replies
        master.decision = Decision()
        master.replies = []
        if made.records.isEmpty {
            master.committing = (made.actions, replies)
            finishCommit(master)
            return
        }
        disk.write(made.records)
        let duration =
            random.happens(onceIn: 200) ? Duration.seconds(1) : random.draw(.microseconds(100)...options.longestCommit)
        if duration >= .seconds(1), bug == .transactionWrittenTwice { disk.write(made.records) }
        switch bug {
        case .acknowledgeBeforeCommit:
            master.committing = ([], [])
            for reply in replies { send(reply) }
            for action in made.actions { perform(action, at: master) }
        case .grantBeforeCommit:
            let isGrant = { (action: Action) in if case .grant = action { true } else { false } }
            for action in made.actions where isGrant(action) { perform(action, at: master) }
            master.committing = (made.actions.filter { !isGrant($0) }, replies)
        default:
            master.committing = (made.actions, replies)
        }
        timeline.arrange(.masterCommitted(run: master.run), after: duration)
    }

    func masterCommitted(_ run: Int) {
        guard let master, master.run == run else { return }
        if master.pausedUntil > timeline.now {
            timeline.arrange(.masterCommitted(run: run), at: master.pausedUntil)
            return
        }
        commitCount += 1
        if bug != .journalDoesNotSync || commitCount.isMultiple(of: 50) { disk.sync() }
        observer.observe(disk, report: violate)
        finishCommit(master)
    }

    private func finishCommit(_ master: SimulatedMaster) {
        guard let (actions, replies) = master.committing else { return }
        master.committing = nil
        for reply in replies { send(reply) }
        for action in actions { perform(action, at: master) }
        checkConnections(master)
        if commitCount.isMultiple(of: 256) { checkReplay(master) }
        if !master.mailbox.isEmpty || !master.decision.isEmpty { arrangeTurn(at: timeline.now) }
        if bug != .lostWakeUp, let deadline = master.scheduler.nextDeadline { arrangeTurn(at: time(of: deadline)) }
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
            if let connection = master.workers[worker] { sendToWorker(.grant(lease, spec), on: connection) }
        case .revoke(let lease, let worker, _):
            trace.note("revoked from worker", Int(worker.rawValue), lease: lease, at: timeline.now)
            if let connection = master.workers[worker] { sendToWorker(.revoke(lease), on: connection) }
        case .assemble(let assembly):
            master.assemblies[assembly.image] = assembly
            guard bug != .assemblyNotReported else { break }
            timeline.arrange(
                .masterAssembled(run: master.run, assembly.image),
                after: random.draw(.milliseconds(1) ... .milliseconds(300)))
        case .jobChanged: break
        case .deleteBlob(let digest):
            let mustKeep = master.scheduler.isNeeded(digest) || master.pins[digest] != nil
            if bug == .deletesWithoutAsking || !mustKeep { delete(digest) }
        case .workerDeclaredDead(let worker):
            trace.note("declared dead, worker", Int(worker.rawValue), at: timeline.now)
            if let connection = master.workers.removeValue(forKey: worker) { closeAtMaster(connection) }
        }
    }

    private func delete(_ digest: BlobDigest) {
        observer.deleting(digest, report: violate)
        if let until = master?.pins[digest], until > timeline.now {
            violate("blob \(digest) is deleted, though somebody was just told that it is stored")
        }
        blobs.remove(digest)
    }

    /// Stores a blob that a peer sent; it stays for a while even if nobody needs it yet.
    func store(_ blob: BlobReference) {
        blobs.insert(blob.digest)
        pin(blob.digest)
    }

    func pin(_ digest: BlobDigest) { master?.pins[digest] = timeline.now + Self.pinDuration }
}
