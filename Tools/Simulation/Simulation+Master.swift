import JobModel
import MasterMachine
import SeededFaults
import Scheduler

// The master's shell: takes the mail, lets the state machine decide, commits, and only then sends.

extension Simulation {
    private static var unsealedTimeout: Duration { .seconds(60) }

    /// Both clocks as the master reads them.
    var moment: Moment {
        let now = timeline.now
        let wall = Int(now.nanoseconds / 1_000_000) + 1_700_000_000_000 + wallClockError
        let deciding = seeded(.wallClockLeases, Instant(nanoseconds: UInt64(wall) * 1_000_000), else: now)
        return Moment(deciding, wallClockMilliseconds: UInt64(wall))
    }

    /// The time of the simulation at which the master's clock shows `deadline`.
    private func time(of deadline: Instant) -> Instant { timeline.now + (deadline - moment.instant) }

    func startMaster() {
        guard master == nil else { return }
        masterRuns += 1
        trace.note("master starts, run", masterRuns, detail: UInt64(disk.recordCount), at: timeline.now)
        observer.recovered(disk, report: violate)
        // The attempts that the master before this one ended, it tells the workers when they register.
        _ = observer.takeEndedLeases()
        // Nothing can be expected of a master that is given a broken journal.
        guard violation == nil else { return }
        do {
            var configuration = MasterConfiguration(
                scheduler: options.schedulerConfiguration, keepResults: options.keepResults,
                keepAtLeast: room.keepAtLeast, unsealedTimeout: Self.unsealedTimeout, idleTimeout: Self.idleTimeout)
            configuration.scheduler.resultRevision = resultRevision
            var machine = try Master<Int, Int, SimulatedMaster.Reply>(
                configuration, nextJob: JobID(numbersBegin), nextWorker: WorkerID(numbersBegin))
            for record in disk.transactions.joined() { try machine.replay(record) }
            machine.recovered(present: blobs, at: moment)
            master = SimulatedMaster(machine, run: masterRuns)
        } catch {
            violate(.durability, "the journal cannot be replayed: \(error)")
            return
        }
        if let master { lookAtDisk(at: master) }
        findLostBlobs()
        keptBook.masterStarted(at: timeline.now)
        arrangeTurn(at: timeline.now)
    }

    private func findLostBlobs() {
        guard let master else { return }
        for (image, intermediates) in master.machine.scheduler.intermediateBlobs().sorted(by: { $0.image < $1.image }) {
            guard let lost = intermediates.first(where: { files[$0.digest] == nil }) else { continue }
            _ = master.machine.intermediateMissed(lost, of: image, at: moment)
        }
    }

    /// The process ends without warning.
    ///
    /// - Parameter powerFails: nobody is told, and some files that were not synced are gone.
    func killMaster(powerFails: Bool) {
        guard let master else { return }
        if powerFails {
            let intermediates = master.machine.scheduler.intermediateBlobs().sorted { $0.image < $1.image }
            for (_, references) in intermediates where random.happens(onceIn: 3) {
                // Of a small image that is audited this is its result, which was synced before it was believed.
                let lost = references.randomElement(using: &random)
                if let lost, files[lost.digest]?.keeping != .synced { files[lost.digest] = nil }
            }
            loseNeglectedFiles()
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
        if let connection, isOfFormer(connection) { return formerHears(mail, on: connection) }
        master?.mailbox.append((connection, mail))
        arrangeTurn(at: timeline.now)
    }

    func masterHears(_ mail: MasterMail, on connection: Int) {
        if isOfFormer(connection) { return formerHears(mail, on: connection) }
        guard let master, network[connection].masterRun == master.run, network[connection].isOpenAtMaster else {
            // The connection is closed there: the peer is told, as by a reset.
            if network[connection].isOpenAtPeer { tellPeerOfEnd(connection) }
            return
        }
        let now = timeline.now
        if network[connection].heldUntil < master.pausedUntil && now < master.pausedUntil {
            // It is read some time after the master resumes, and alone at that time.
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
        master.measuredRoom.removeFirst(max(0, master.measuredRoom.count - 1))
        master.unreadyBefore = master.unready
        for item in mail { handle(item.mail, on: item.connection, at: master) }
        _ = master.machine.timePassed(at: moment)
        answerViewers(master)
        beginCommit(master)
    }

    private func beginCommit(_ master: SimulatedMaster) {
        checkDeaths(master)
        guard let turn = master.machine.takeTurn() else {
            turnEnded(master)
            return
        }
        master.committing = turn
        sendBeforeCommit(turn, at: master)
        if turn.records.isEmpty {
            finishCommit(master)
            return
        }
        disk.write(turn.records)
        let duration =
            trial == nil && !isAuditTrial && random.happens(onceIn: 200)
            ? Duration.seconds(1) : random.draw(.microseconds(100)...options.longestCommit)
        let isWrittenTwice = seeded(.transactionWrittenTwice, duration >= .seconds(1), else: false)
        if isWrittenTwice { disk.write(turn.records) }
        timeline.arrange(.masterCommitted(run: master.run), after: duration)
    }

    /// A sound shell sends nothing before the commit.
    private func sendBeforeCommit(_ turn: Turn<SimulatedMaster.Reply>, at master: SimulatedMaster) {
        if seeded(.acknowledgeBeforeCommit) {
            perform(turn.replies, master.machine.committed(turn, at: moment), at: master)
        }
        guard seeded(.grantBeforeCommit) else { return }
        for case .grant(let lease, let spec, let worker) in turn.actions {
            perform(.grant(lease, spec, to: worker, on: master.machine.links[worker]), at: master)
        }
    }

    /// What a sound shell does after the commit, without what a seeded fault did before.
    private func effects(
        of turn: Turn<SimulatedMaster.Reply>, at master: SimulatedMaster
    ) -> (replies: [SimulatedMaster.Reply], actions: [ShellAction<Int>]) {
        if seeded(.acknowledgeBeforeCommit) { return ([], []) }
        let actions = master.machine.committed(turn, at: moment).filter { action in
            if case .grant = action { seeded(.grantBeforeCommit, false, else: true) } else { true }
        }
        return (turn.replies, actions)
    }

    func masterCommitted(_ run: Int) {
        guard let master, master.run == run else { return }
        if master.pausedUntil > timeline.now {
            timeline.arrange(.masterCommitted(run: run), at: master.pausedUntil)
            return
        }
        commitCount += 1
        let isSynced = seeded(.journalDoesNotSync, commitCount.isMultiple(of: 50), else: true)
        if isSynced { disk.sync() }
        observer.observe(disk, report: violate)
        checkLosersAreTold(master)
        finishCommit(master)
    }

    private func finishCommit(_ master: SimulatedMaster) {
        guard let turn = master.committing else { return }
        master.committing = nil
        checkHung(turn.records)
        keptBook.observe(turn.records, at: timeline.now, report: violate)
        for record in turn.records {
            switch record {
            case .taskCompleted(let lease, let output, _): checkCompleted(lease, output)
            case .taskAudited(let lease, _):
                if let output = observer.auditBook.output(of: lease) { checkCompleted(lease, output) }
            default: break
            }
        }
        let (replies, actions) = effects(of: turn, at: master)
        perform(replies, actions, at: master)
        if trial == nil && !isAuditTrial && commitCount.isMultiple(of: 256) { checkReplay(master) }
        turnEnded(master)
    }

    private func perform(
        _ replies: [SimulatedMaster.Reply], _ actions: [ShellAction<Int>], at master: SimulatedMaster
    ) {
        for reply in replies { send(reply) }
        for action in actions { perform(action, at: master) }
    }

    private func turnEnded(_ master: SimulatedMaster) {
        checkConnections(master)
        if !master.mailbox.isEmpty || !master.machine.isIdle { arrangeTurn(at: timeline.now) }
        if let deadline = master.machine.schedulerDeadline { arrangeTurn(at: time(of: deadline)) }
        arrangeTurn(at: time(of: master.machine.nextHousekeeping))
    }

    private func send(_ reply: SimulatedMaster.Reply) {
        switch reply {
        case .toWorker(let connection, let mail):
            if case .registered(let worker, _) = mail, case .worker(let number) = network[connection].peer {
                observer.toldItsName(worker, worker: number, run: network[connection].peerRun, report: violate)
            }
            sendToWorker(mail, on: connection)
        case .toClient(let connection, let mail): sendToClient(mail, on: connection)
        case .toViewer(let image, let partial): told(partial, of: image)
        }
    }

    private func perform(_ action: ShellAction<Int>, at master: SimulatedMaster) {
        switch action {
        case .grant(let lease, let spec, let worker, let connection):
            trace.note("granted to worker", Int(worker.rawValue), lease: lease, at: timeline.now)
            observer.granting(lease, to: worker, report: violate)
            checkUsable(lease, spec)
            specs[lease] = spec
            latestSpecs[lease.task.image] = spec
            checkRoom(lease, spec, at: master)
            if master.unreadyBefore.contains(worker) {
                violate(.conversation, "\(worker) is granted \(lease), though it said that it cannot run tasks")
            }
            if options.liarCount > 0 { gossip.hear(of: lease, spec) }
            if let connection { sendToWorker(.grant(lease, spec), on: connection) }
        case .revoke(let lease, let worker, let connection, _):
            trace.note("revoked from worker", Int(worker.rawValue), lease: lease, at: timeline.now)
            if let connection { sendToWorker(.revoke(lease), on: connection) }
        case .assemble(let assembly):
            guard !seeded(.assemblyNotReported) else { break }
            // Large files take long, and their images may start over before these are done.
            let longest = storeRandom.happens(onceIn: 2) ? Duration.seconds(30) : .milliseconds(300)
            observer.assemblies[assembly.image] = assembly.run
            observer.segmentBook.assembling(
                assembly, plan: latestSpecs[assembly.image].flatMap(plan(of:)), report: violate)
            timeline.arrange(
                .masterAssembled(run: master.run, assembly), after: storeRandom.draw(.milliseconds(1)...longest))
        case .closeSilent(let worker, let connection):
            deathsDeclared += 1
            trace.note("declared dead, worker", Int(worker.rawValue), at: timeline.now)
            if let connection { closeAtMaster(connection) }
        case .removeBlob(let digest): removalDecided(digest, at: master)
        case .confirmPut(let digest): arrange(.confirmPut(digest), at: master)
        // Nobody watches; `startMaster` looks for lost blobs, and a run is shorter than the grace of a sweep.
        case .tellWatchers, .findLostBlobs, .sweepBlobs, .setAside: break
        }
    }
}
