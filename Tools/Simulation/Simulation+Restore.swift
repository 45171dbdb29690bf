import JobModel
import MasterMachine
import Scheduler
import SeededFaults
import SeededRandom

/// Whether, and when, the master's state is restored from a backup, while the master itself is cut off and lives on. A generator of
/// its own, so that the seed draws the same for everything else.
struct RestoreOptions: CustomStringConvertible {
    /// From the start to the backup, and from that to the restore; `nil` in most seeds.
    let times: (backup: Duration, restore: Duration)?

    /// Left out are seeds whose checks know by heart what the workers said to the master before: it may have lost that.
    init(_ options: SimulationOptions, using random: inout SeededGenerator) {
        let isSuitable =
            !options.isShareTrial && !options.changesReleases && options.faultyCount == 0 && options.liarCount == 0
        guard isSuitable, random.happens(onceIn: 2) else {
            times = nil
            return
        }
        let phase = options.safetyPhase
        times = (random.draw(.seconds(1)...phase * 0.5), random.draw(.milliseconds(500)...phase * 0.3))
    }

    var description: String {
        times.map { ", restored \($0.restore) after a backup at \($0.backup)" } ?? ""
    }
}

/// What a backup has: the state, and what the observer knew of it then.
struct SimulatedBackup {
    let disk: JournalDisk
    let files: [BlobDigest: SimulatedFile]
    let observer: Observer
    let keptBook: KeptBook
}

/// The master whose state was replaced. It serves workers as it did, and nobody looks at what it decides.
struct FormerMaster {
    let master: SimulatedMaster
    let generation: Generation
}

extension Simulation {
    static let firstGeneration = Generation(of: seededLineage, number: 0)
    /// The numbers of jobs and workers after a restore.
    private static let firstNumberAfterRestore: UInt64 = 1_000_001

    private static var seededLineage: Lineage {
        var random = SeededGenerator(seed: 1)
        return Lineage(using: &random)
    }

    func arrangeRestore() {
        if let times = restore.times { timeline.arrange(.backup, after: times.backup) }
    }

    /// The state as it is durable, when nothing is under way.
    func takeBackup() {
        guard isFaulty, let times = restore.times else { return }
        guard let master, master.committing == nil else { return timeline.arrange(.backup, after: .milliseconds(50)) }
        trace.note("backup", detail: UInt64(disk.recordCount), at: timeline.now)
        backup = SimulatedBackup(disk: disk, files: files, observer: observer, keptBook: keptBook)
        timeline.arrange(.restore, after: times.restore)
    }

    /// The master's machine is cut off, and its state is restored on another one, at the same address. What happened since the
    /// backup is lost there.
    func restoreBackup() {
        guard isFaulty, let backup else { return }
        guard let master else { return timeline.arrange(.restore, after: .milliseconds(500)) }
        trace.noteFault("master restored from a backup, and lives on", at: timeline.now)
        self.master = nil
        if let turn = master.committing { _ = master.machine.committed(turn, at: moment) }
        master.committing = nil
        for connection in network.openConnections(ofMaster: master.run) {
            closeAtMaster(connection)
            if let worker = network[connection].worker {
                _ = master.machine.disconnected(worker, on: connection, at: moment)
            }
        }
        former = FormerMaster(master: master, generation: generation)
        replacedRun = master.run
        turnFormer(run: master.run)

        generation = generation.restored(at: generation.number + 1)
        numbersBegin = Self.firstNumberAfterRestore
        disk = backup.disk
        // Intermediate blobs are not in a backup.
        files = backup.files.filter { $0.value.keeping == .synced }
        observer = backup.observer
        let givenUp = keptBook.givenUp
        keptBook = backup.keptBook
        keptBook.givenUp.formUnion(givenUp)
        timeline.arrange(.masterStarts, after: restoreRandom.draw(.milliseconds(100) ... .seconds(5)))
    }

    /// Somebody stops the former master.
    func endFormer() {
        guard let former else { return }
        for connection in network.openConnections(ofMaster: former.master.run) { closeAtMaster(connection) }
        self.former = nil
    }

    /// The master that a worker comes to: while there are two, either one.
    func reachedMaster() -> (run: Int, generation: Generation)? {
        if let former, restoreRandom.happens(onceIn: 2) { return (former.master.run, former.generation) }
        guard let master, master.pausedUntil <= timeline.now else { return nil }
        return (master.run, generation)
    }

    /// The state of the master at the other end.
    func generation(of connection: Int) -> Generation {
        isToReplaced(connection) ? Self.firstGeneration : generation
    }

    /// Whether the connection was to a master whose state was replaced: what it promised, the restored one may not know.
    func isToReplaced(_ connection: Int) -> Bool { network[connection].masterRun <= replacedRun }

    func isOfFormer(_ connection: Int) -> Bool { network[connection].masterRun == former?.master.run }

    // MARK: What the former master does

    func formerHears(_ mail: MasterMail, on connection: Int) {
        guard let former, network[connection].isOpenAtMaster else {
            if network[connection].isOpenAtPeer { tellPeerOfEnd(connection) }
            return
        }
        let master = former.master
        if case .register(let registration) = mail {
            registerAtFormer(registration, on: connection, former)
        } else if case .closed = mail {
            network[connection].isOpenAtMaster = false
            if let worker = network[connection].worker {
                _ = master.machine.disconnected(worker, on: connection, at: moment)
            }
        } else if let worker = network[connection].worker, master.machine.isPresent(worker, on: connection) {
            handle(mail, from: worker, on: connection, atFormer: master)
        }
        turnFormer(run: master.run, repeats: false)
    }

    private func registerAtFormer(_ registration: WorkerRegistration, on connection: Int, _ former: FormerMaster) {
        let machine = try? former.master.machine.registered(registration, on: connection, at: moment)
        guard let answer = machine else {
            former.master.machine.reply(.toWorker(connection: connection, .refused))
            return
        }
        if let old = answer.replaced { closeAtMaster(old) }
        network[connection].worker = answer.worker
        former.master.machine.reply(
            .toWorker(connection: connection, .registered(answer.worker, dropped: answer.dropped)))
    }

    private func handle(
        _ mail: MasterMail, from worker: WorkerID, on connection: Int, atFormer master: SimulatedMaster
    ) {
        switch mail {
        case .heartbeat(let held, let residentBytes, let isReady):
            let dropped = master.machine.heartbeat(
                of: worker, held: held, residentBytes: residentBytes, unreadyReason: isReady ? nil : "not ready",
                at: moment)
            master.machine.reply(.toWorker(connection: connection, .heartbeatReply(dropped: dropped)))
        case .report(let number, let report):
            _ = master.machine.reported(report, by: worker, evidence(for: report, at: master), at: moment)
            master.machine.reply(.toWorker(connection: connection, .done(number: number)))
        case .draining(let isOn): master.machine.draining(worker, on: isOn, at: moment)
        default: violate(.conversation, "worker \(worker) said \(mail) to the former master")
        }
    }

    /// Its disk is its own: what it decides is durable at once.
    func turnFormer(run: Int, repeats: Bool = true) {
        guard let master = former?.master, master.run == run else { return }
        _ = master.machine.timePassed(at: moment)
        while let turn = master.machine.takeTurn() {
            let actions = master.machine.committed(turn, at: moment)
            for case .toWorker(let connection, let mail) in turn.replies { sendToWorker(mail, on: connection) }
            for action in actions {
                switch action {
                case .grant(let lease, let spec, _, let connection?): sendToWorker(.grant(lease, spec), on: connection)
                case .revoke(let lease, _, let connection?, _): sendToWorker(.revoke(lease), on: connection)
                case .closeSilent(_, let connection?): closeAtMaster(connection)
                default: break
                }
            }
        }
        if repeats { timeline.arrange(.formerTurns(run: run), after: .milliseconds(250)) }
    }

    // MARK: Checks

    /// A worker is about to register: not after it has done so at a master of a later generation.
    func checkServed(by number: Int, _ generation: Generation) {
        let latest = latestServed[number] ?? generation.number
        if latest > generation.number {
            violate(
                .generations, "worker \(number) serves generation \(generation.number) after generation \(latest)")
        }
        latestServed[number] = max(latest, generation.number)
    }

    /// A worker says something of a lease: only to the master that it is of.
    func checkOwner(of lease: LeaseID, at number: Int, on connection: Int) {
        guard let source = workers[number].sources[lease], source != generation(of: connection) else { return }
        violate(
            .generations,
            "worker \(number) says of \(lease), which is of generation \(source.number), something to a master of generation "
                + "\(generation(of: connection).number)")
    }
}
