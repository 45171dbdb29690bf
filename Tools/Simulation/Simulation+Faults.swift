import JobModel
import Scheduler

// The faults of the safety phase, and the healing after it.

extension Simulation {
    func injectFault() {
        guard isFaulty else { return }
        timeline.arrange(.fault, after: random.draw(.milliseconds(1)...options.faultInterval * 2))
        let worker = random.draw(0...(workers.count - 1))
        let now = timeline.now
        if options.faultyCount > 0, auditRandom.happens(onceIn: 60) {
            let faulty = workers.count - auditRandom.draw(1...options.faultyCount)
            trace.noteFault("operator releases worker", faulty, at: now)
            post(.releaseWorker("worker-\(faulty)"), on: nil)
        }
        switch random.draw(0...21) {
        case 0:
            trace.noteFault("killed, worker", worker, at: now)
            killWorker(worker, quietly: false, restartsAfter: spell(upTo: .seconds(20)))
        case 1:
            trace.noteFault("lost its power, worker", worker, at: now)
            killWorker(worker, quietly: true, restartsAfter: spell(upTo: .seconds(30)))
        case 2:
            trace.noteFault("stalled, worker", worker, at: now)
            workers[worker].pausedUntil = now + spell(upTo: .seconds(30))
        case 3:
            trace.noteFault("cut off, worker", worker, at: now)
            let until = now + spell(upTo: .seconds(20))
            network.links[.worker(worker)] = Network.Link(toMasterCutUntil: until, toPeerCutUntil: until)
        case 4:
            trace.noteFault("cannot be heard, worker", worker, at: now)
            network.links[.worker(worker), default: Network.Link()].toMasterCutUntil =
                now + spell(upTo: .seconds(20))
        case 5:
            trace.noteFault("cannot hear, worker", worker, at: now)
            network.links[.worker(worker), default: Network.Link()].toPeerCutUntil =
                now + spell(upTo: .seconds(20))
        case 6:
            trace.noteFault("closes its connection, worker", worker, at: now)
            closeConnection(of: worker)
        case 7:
            trace.noteFault("reset by the network, worker", worker, at: now)
            if let connection = workers[worker].connection, network[connection].isOpenAtMaster {
                tellPeerOfEnd(connection)
                sendToMaster(.closed, on: connection)
            }
        case 8:
            guard master != nil else { break }
            trace.noteFault("master killed", at: now)
            killMaster(powerFails: false)
        case 9:
            guard master != nil else { break }
            trace.noteFault("master lost its power", at: now)
            killMaster(powerFails: true)
        case 10:
            guard let master, master.pausedUntil <= now else { break }
            trace.noteFault("master stalled", at: now)
            master.hadPauseBefore = now - master.pausedUntil < .seconds(5)
            master.pauseBegan = now
            master.pausedUntil = now + spell(upTo: .seconds(60))
        case 11:
            trace.noteFault("wall clock jumps", at: now)
            wallClockError = random.draw(-86_400_000...86_400_000)
        case 12:
            guard master != nil, let identifier = workers[worker].identifier else { break }
            trace.noteFault("operator drains worker, or not", Int(identifier.rawValue), at: now)
            post(.drainWorker(identifier, random.happens(onceIn: 2)), on: nil)
        case 13:
            trace.noteFault("client cut off", at: now)
            let client = random.draw(0...(clients.count - 1))
            let until = now + spell(upTo: .seconds(10))
            network.links[.client(client)] = Network.Link(toMasterCutUntil: until, toPeerCutUntil: until)
        case 14:
            guard master != nil else { break }
            trace.noteFault("operator redrives", at: now)
            post(.redriveDead, on: nil)
        case 15:
            guard let connection = workers[worker].connection else { break }
            trace.noteFault("damaged frame from worker", worker, at: now)
            refuseFrame(on: connection)
        case 16:
            let client = random.draw(0...(clients.count - 1))
            guard let connection = clients[client].connection else { break }
            trace.noteFault("damaged frame from client", client, at: now)
            refuseFrame(on: connection)
        case 17:
            guard workers[worker].isUp else { break }
            trace.noteFault("cannot run tasks, worker", worker, at: now)
            becomeUnready(worker, for: spell(upTo: .seconds(20)))
        case 18...20:
            guard options.liarCount > 0 else { break }
            lie(at: worker % options.liarCount)
        default:
            let final = master?.machine.scheduler.jobs(before: nil, limit: .max).filter { $0.state.isFinal } ?? []
            guard let job = final.randomElement(using: &random)?.description.id else { break }
            trace.noteFault("operator forgets job", Int(job.rawValue), at: now)
            keptBook.givenUp.insert(job)
            post(.forgetJob(job), on: nil)
        }
    }

    /// The master's codec finds an invalid frame and ends the connection.
    private func refuseFrame(on connection: Int) {
        guard network[connection].isOpenAtMaster else { return }
        closeAtMaster(connection)
        post(.closed, on: connection)
    }

    /// How long something stays wrong; shorter where faults are frequent, so that something works.
    func spell(upTo longest: Duration) -> Duration {
        random.draw(.milliseconds(100)...min(longest, options.faultInterval * 8))
    }

    /// The faults stop: a random core of workers is healed; each of the others is dead, cut off, or cut off one way.
    func heal() {
        trace.note("healing begins", at: timeline.now)
        isFaulty = false
        isDiskFull = false
        endFormer()
        var core = Set((0..<workers.count).shuffled(using: &random).prefix(random.draw(1...workers.count)))
        // With quarantined workers alone nothing would ever end.
        if core.allSatisfy({ $0 >= workers.count - options.faultyCount }) { core.insert(0) }
        for number in workers.indices {
            network.links[.worker(number)] = Network.Link()
            workers[number].pausedUntil = min(workers[number].pausedUntil, timeline.now)
            timeline.arrange(.workerResumes(number), after: .zero)
            becomeReady(number)
            if core.contains(number) { continue }
            switch random.draw(0...3) {
            case 0: killWorker(number, quietly: random.happens(onceIn: 2), restartsAfter: nil)
            case 1: network.links[.worker(number)] = Network.Link(toMasterCutUntil: Network.forever)
            case 2: network.links[.worker(number)] = Network.Link(toPeerCutUntil: Network.forever)
            default: workers[number].pausedUntil = Network.forever
            }
        }
        for number in clients.indices { network.links[.client(number)] = Network.Link() }
        arrangeTurn(at: timeline.now)
    }

    /// The operator lets drained workers take leases again, and liars that were quarantined: they tell the truth now, and it may
    /// be that only they are left. A worker may miss it, so this is done until it helps. Whose cores compute wrong results is
    /// released only where nobody else works: with others its images would start over as often as it is released.
    func resumeWorkers() {
        guard let master else { return }
        let statuses = master.machine.scheduler.workers(at: moment)
        let isWorking = statuses.contains { $0.state == .alive }
        for status in statuses {
            switch status.state {
            case .draining: post(.drainWorker(status.id, false), on: nil)
            case .quarantined where observer.liars.contains(status.id) && !(isWorking && miscomputes(status.id)):
                post(.releaseWorker("\(status.id)"), on: nil)
            default: break
            }
        }
    }

    private func miscomputes(_ id: WorkerID) -> Bool {
        workers.contains { $0.identifier == id && $0.miscomputes != .never }
    }

    /// Whether all that was submitted has ended.
    var isSettled: Bool {
        guard let master, master.committing == nil else { return false }
        let clientsDone = clients.allSatisfy { $0.step == .finished || $0.step == .gone }
        return clientsDone && master.machine.scheduler.counters.jobsOpen == 0
    }
}
