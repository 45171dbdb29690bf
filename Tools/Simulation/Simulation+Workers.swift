import ImagingModel
import Pipelines
import JobModel
import MasterMachine
import Retrying
import Scheduler
import SeededFaults
import WorkerMachine

// Workers: the real lease board decides; here is what carries it out, and the connection's life.

extension Simulation {
    private var beatInterval: Duration { options.schedulerConfiguration.heartbeatInterval }

    func handle(_ happening: WorkerEvent, at number: Int) {
        switch happening {
        case .starts:
            guard !workers[number].isUp else { return }
            workers[number].isUp = true
            timeline.arrange(.worker(number, run: workers[number].run, .connects), after: .zero)
            timeline.arrange(.worker(number, run: workers[number].run, .beats), after: beatInterval)
        case .connects: connectWorker(number)
        case .beats: beat(number)
        case .becomesReady: becomeReady(number)
        case .fetched(let lease): fetch(lease, at: number)
        case .fetchFailed(let lease, let failure):
            perform(workers[number].board.failed(lease, slot: nil, failure), at: number)
        case .publishes(let lease, let band, let ticket):
            guard workers[number].work[lease]?.ticket == ticket else { return }
            publish(band, of: lease, ticket: ticket, at: number)
        case .computed(let lease, let ticket):
            guard let run = workers[number].work[lease], run.ticket == ticket, let slot = run.slot else { return }
            workers[number].work[lease]?.slot = nil
            perform(workers[number].board.computed(lease, slot: slot), at: number)
            if workers[number].board.phase(of: lease) == .uploading {
                arrange(.uploads(lease), at: number, after: random.draw(.milliseconds(1) ... .milliseconds(100)))
            }
        case .failed(let lease, let ticket, let failure):
            guard let run = workers[number].work[lease], run.ticket == ticket else { return }
            workers[number].work[lease]?.slot = nil
            perform(workers[number].board.failed(lease, slot: run.slot, failure), at: number)
        case .uploads(let lease): upload(lease, at: number)
        }
    }

    func arrange(_ happening: WorkerEvent, at number: Int, after delay: Duration) {
        timeline.arrange(.worker(number, run: workers[number].run, happening), after: delay)
    }

    /// The process ends; it starts again later, as another run with no memory.
    ///
    /// - Parameter quietly: its host went down with it: nobody is told.
    func killWorker(_ number: Int, quietly: Bool, restartsAfter pause: Duration?) {
        if let connection = workers[number].connection { closeAtPeer(connection, quietly: quietly) }
        var fresh = SimulatedWorker(
            number: number, slotCount: workers[number].slotCount,
            resultRevision: isInstalled(at: number) ? resultRevision : workers[number].resultRevision)
        fresh.run = workers[number].run + 1
        fresh.miscomputes = workers[number].miscomputes
        fresh.link = MasterLinkState(
            memory: seeded(.generationsForgotten, GenerationMemory(), else: workers[number].link.memory))
        workers[number] = fresh
        if let pause { arrange(.starts, at: number, after: pause) }
    }

    /// Whether the master's release is what the worker starts as next: its host may be behind for a while.
    func isInstalled(at number: Int) -> Bool {
        workers[number].resultRevision == resultRevision || !isFaulty || random.happens(onceIn: 2)
    }

    // MARK: The connection

    func connectWorker(_ number: Int) {
        guard workers[number].isUp, workers[number].connection == nil else { return }
        let peer = Network.Peer.worker(number)
        guard let (masterRun, generation) = reachedMaster(), network.isReachable(peer, at: timeline.now) else {
            connectLater(number, after: .lost(.absent))
            return
        }
        switch workers[number].link.authenticated(by: generation) {
        case .continues: break
        case .startsOver: startOver(number)
        case .refuses:
            trace.note("refuses the former master, worker", number, at: timeline.now)
            connectLater(number, after: .lost(.passing))
            return
        }
        if workers[number].startsOver, workers[number].work.contains(where: { $0.value.slot != nil }) {
            connectLater(number, after: .lost(.passing))
            return
        }
        workers[number].startsOver = false
        let connection = network.open(peer, masterRun: masterRun, peerRun: workers[number].run)
        workers[number].connection = connection
        workers[number].lastHeard = timeline.now
        checkServed(by: number, generation)
        for lease in workers[number].board.held.map(\.lease) { checkOwner(of: lease, at: number, on: connection) }
        sendToMaster(.register(registration(of: number)), on: connection)
    }

    /// What the worker holds, and its number, are of another state than the master's.
    private func startOver(_ number: Int) {
        trace.note("starts over, worker", number, at: timeline.now)
        workers[number].identifier = nil
        perform(workers[number].board.dropped(workers[number].board.held.map(\.lease)), at: number)
        workers[number].startsOver = true
    }

    func registration(of number: Int) -> WorkerRegistration {
        let worker = workers[number]
        return WorkerRegistration(
            worker: worker.identifier, identity: [UInt8(number & 255), UInt8(worker.run & 255)],
            name: "worker-\(number)",
            slotCount: worker.slotCount, resultRevision: worker.resultRevision, held: held(by: number),
            isDraining: worker.board.isOrderedToDrain, unreadyReason: worker.board.isReady ? nil : "not ready")
    }

    /// Whether the worker may say what is not so now.
    func isLying(_ number: Int) -> Bool { isFaulty && number < options.liarCount }

    private func connectLater(_ number: Int, after end: MasterLinkState.End) {
        let (preparation, verdict) = workers[number].link.ended(end, at: timeline.now - .zero, using: &random)
        switch preparation {
        case .none: break
        case .forgetNumber: workers[number].identifier = nil
        case .dropLeases: perform(workers[number].board.dropped(workers[number].board.held.map(\.lease)), at: number)
        }
        switch verdict {
        case .wait(let pause): arrange(.connects, at: number, after: pause)
        case .giveUp: violate(.conversation, "worker \(number) gives its master up after \(end)")
        }
    }

    /// The worker's side finds the connection over.
    private func connectionEnded(_ number: Int, _ end: MasterLinkState.End) {
        workers[number].connection = nil
        workers[number].isRegistered = false
        connectLater(number, after: end)
    }

    func closeConnection(of number: Int, _ end: MasterLinkState.End = .lost(.passing)) {
        guard let connection = workers[number].connection else { return }
        closeAtPeer(connection)
        connectionEnded(number, end)
    }

    func held(by number: Int) -> [HeldLease] {
        workers[number].board.held.map { lease, started in
            HeldLease(lease, isStarted: started, progress: workers[number].work[lease]?.progress ?? 0)
        }
    }

    private func beat(_ number: Int) {
        arrange(.beats, at: number, after: beatInterval)
        guard let connection = workers[number].connection else { return }
        if MasterLinkState.isSilent(timeline.now - workers[number].lastHeard, heartbeatInterval: beatInterval) {
            trace.note("gives up its connection, worker", number, at: timeline.now)
            closeConnection(of: number)
        } else if workers[number].isRegistered {
            for lease in workers[number].board.held.map(\.lease) where workers[number].work[lease]?.slot != nil {
                let isCreeping = workers[number].work[lease]?.isCreeping == true
                workers[number].work[lease]?.progress += isCreeping ? 1e-6 : 0.001
            }
            sendBeat(number, on: connection)
            checkAcknowledged(number)
        }
    }

    private func sendBeat(_ number: Int, on connection: Int) {
        sendToMaster(.heartbeat(held(by: number), isReady: workers[number].board.isReady), on: connection)
    }

    /// The worker's scratch directory is gone, or its worlds do not come up: it says so at once.
    func becomeUnready(_ number: Int, for spell: Duration) {
        guard workers[number].isUp, workers[number].board.isReady else { return }
        let actions = workers[number].board.becameUnready()
        if let connection = workers[number].connection, workers[number].isRegistered {
            sendBeat(number, on: connection)
        }
        perform(actions, at: number)
        arrange(.becomesReady, at: number, after: spell)
    }

    func becomeReady(_ number: Int) {
        guard workers[number].isUp, !workers[number].board.isReady else { return }
        workers[number].board.becameReady()
        if let connection = workers[number].connection, workers[number].isRegistered {
            sendBeat(number, on: connection)
        }
    }

    /// A connection that works brings the acknowledgement of every report, though it may have been lost with another.
    private func checkAcknowledged(_ number: Int) {
        let worker = workers[number]
        for lease in worker.board.held.map(\.lease) where worker.board.phase(of: lease) == .reporting {
            let since = workers[number].reportingSince[lease] ?? timeline.now
            workers[number].reportingSince[lease] = since
            if timeline.now - max(since, worker.registeredAt, worker.resumedAt) > .seconds(30),
                timeline.now - worker.lastHeard < .seconds(2)
            {
                violate(.conversation, "worker \(number) waits without end for the acknowledgement of \(lease)")
            }
        }
    }

    func workerHears(_ number: Int, _ mail: WorkerMail, on connection: Int) {
        guard workers[number].connection == connection, network[connection].peerRun == workers[number].run else {
            return
        }
        workers[number].lastHeard = timeline.now
        switch mail {
        case .registered(let identifier, let dropped):
            workers[number].identifier = identifier
            workers[number].isRegistered = true
            workers[number].registeredAt = timeline.now
            workers[number].link.registered()
            perform(workers[number].board.dropped(dropped), at: number)
            perform(workers[number].board.reconnected(), at: number)
            // Said since the registration was sent.
            if workers[number].board.isOrderedToDrain { sendToMaster(.draining(true), on: connection) }
        case .heartbeatReply(let dropped): perform(workers[number].board.dropped(dropped), at: number)
        case .done(let stream): perform(workers[number].board.acknowledged(stream), at: number)
        case .grant(let lease, _) where timeline.now < workers[number].givesBackUntil:
            let failure = Failure(.returned, "no, thank you")
            sendToMaster(.report(number: 1 << 31, .failed(lease, failure)), on: connection)
        case .grant(let lease, let spec):
            workers[number].sources[lease] = generation(of: connection)
            perform(workers[number].board.granted(lease, spec), at: number)
        case .revoke(let lease): perform(workers[number].board.dropped([lease]), at: number)
        case .drain(let isOn):
            if isOn {
                perform(workers[number].board.drainBegan(), at: number)
            } else {
                workers[number].board.drainEnded()
            }
        case .refused: refused(number)
        case .closed:
            network[connection].isOpenAtPeer = false
            connectionEnded(number, .lost(.passing))
        }
    }

    /// The master is of another release: what the worker holds is of no use to it. Somebody installs its release here.
    private func refused(_ number: Int) {
        if number < options.liarCount, workers[number].resultRevision == resultRevision {
            closeConnection(of: number)
            return
        }
        if !options.changesReleases { violate(.conversation, "worker \(number) was refused") }
        if !isFaulty || random.happens(onceIn: 5) {
            killWorker(number, quietly: false, restartsAfter: spell(upTo: .seconds(5)))
        } else {
            closeConnection(of: number, .releaseDiffers)
        }
    }
}
