import JobModel
import Scheduler

// What the master's sessions do with a message: the same as the daemon's, in the scheduler's words.

extension Simulation {
    func handle(_ mail: MasterMail, on connection: Int?, at master: SimulatedMaster) {
        guard let connection else {
            handleOwn(mail, at: master)
            return
        }
        // Closed by the master while the message waited; only that its session has ended is still news.
        if case .closed = mail {} else if !network[connection].isOpenAtMaster { return }
        switch network[connection].peer {
        case .worker:
            if let worker = network[connection].worker {
                handle(mail, from: worker, on: connection, at: master)
            } else if case .register = mail {
                register(mail, on: connection, at: master)
            } else if case .closed = mail {
                network[connection].isOpenAtMaster = false
            }
        case .client: handleClient(mail, on: connection, at: master)
        }
    }

    /// What the master's background work and its operator say.
    private func handleOwn(_ mail: MasterMail, at master: SimulatedMaster) {
        switch mail {
        case .assembled(let image): assembled(image, at: master)
        case .blobMissing(let digest):
            for image in master.scheduler.imagesThatCanRecompute(digest).sorted() {
                trace.note("lost a blob of job", Int(image.job.rawValue), detail: UInt64(image.index), at: timeline.now)
                master.scheduler.blobsLost(of: image, at: moment, into: &master.decision)
            }
        case .redriveDead:
            _ = try? master.scheduler.deadRedriven(job: nil, index: nil, at: moment, into: &master.decision)
        case .drainWorker(let worker, let isOn):
            master.scheduler.workerDraining(worker, on: isOn, at: moment, into: &master.decision)
            if let connection = master.workers[worker] {
                master.replies.append(.toWorker(connection: connection, .drain(isOn)))
            }
        case .forgetJob(let job):
            _ = try? master.scheduler.jobForgotten(job, at: moment, into: &master.decision)
        default: preconditionFailure("\(mail) came without a connection")
        }
    }

    private func assembled(_ image: ImageID, at master: SimulatedMaster) {
        guard let assembly = master.assemblies.removeValue(forKey: image) else { return }
        let inputs = assembly.parts.map(\.segment) + [assembly.metadata].compactMap { $0 }
        guard inputs.allSatisfy({ blobs.contains($0.digest) }) else {
            master.scheduler.blobsLost(of: image, at: moment, into: &master.decision)
            return
        }
        let result = BlobReference.named("\(image).result", byteCount: 1_000)
        store(result)
        master.scheduler.imageAssembled(image, result: result, at: moment, into: &master.decision)
    }

    private func register(_ mail: MasterMail, on connection: Int, at master: SimulatedMaster) {
        guard case .register(let worker, let slots, let held, let isDraining) = mail else { return }
        if master.scheduler.nextWorkerID > disk.reservedWorkers {
            disk.reserve(workersThrough: WorkerID(master.scheduler.nextWorkerID.rawValue + 63))
        }
        let registration = WorkerRegistration(
            worker: worker, name: "worker", slotCount: slots, held: held, isDraining: isDraining)
        guard
            let answer = try? master.scheduler.workerRegistered(registration, at: moment, into: &master.decision)
        else {
            master.replies.append(.toWorker(connection: connection, .refused))
            return
        }
        if let old = master.workers.updateValue(connection, forKey: answer.worker), old != connection {
            closeAtMaster(old)
            post(.closed, on: old)
        }
        network[connection].worker = answer.worker
        if case .worker(let number) = network[connection].peer {
            observer.named(answer.worker, worker: number, run: network[connection].peerRun, report: violate)
        }
        trace.note("registered worker", Int(answer.worker.rawValue), detail: UInt64(held.count), at: timeline.now)
        master.replies.append(
            .toWorker(connection: connection, .registered(answer.worker, dropped: answer.dropped)))
    }

    private func handle(_ mail: MasterMail, from worker: WorkerID, on connection: Int, at master: SimulatedMaster) {
        let isPresent = master.workers[worker] == connection
        if case .closed = mail {
            network[connection].isOpenAtMaster = false
            guard isPresent || bug == .oldConnectionEndsNewOne else { return }
            if isPresent { master.workers[worker] = nil }
            trace.note("disconnected worker", Int(worker.rawValue), at: timeline.now)
            if bug != .disconnectForgotten {
                master.scheduler.workerDisconnected(worker, at: moment, into: &master.decision)
            }
            return
        }
        // Declared dead or replaced meanwhile: not the worker's word any more.
        guard isPresent else { return }
        switch mail {
        case .heartbeat(let held):
            let dropped = master.scheduler.workerHeartbeat(
                worker, held: held, residentBytes: 1 << 20, at: moment, into: &master.decision)
            master.replies.append(.toWorker(connection: connection, .heartbeatReply(dropped: dropped)))
        case .band(let number, let lease, let index, let blob):
            if isStored([blob]) {
                master.scheduler.bandPublished(
                    lease, band: index, blob: blob, by: worker, at: moment, into: &master.decision)
            } else {
                failMissing(lease, worker, at: master)
            }
            acknowledge(number, on: connection, at: master)
        case .finished(let number, let lease, let output):
            trace.note("finished by worker", Int(worker.rawValue), lease: lease, at: timeline.now)
            if isStored([output.payload, output.summary, output.metadata].compactMap { $0 }) {
                master.scheduler.taskFinished(
                    lease, by: worker, output: output, at: moment, into: &master.decision)
            } else {
                failMissing(lease, worker, at: master)
            }
            acknowledge(number, on: connection, at: master)
        case .failed(let number, let lease, let failure):
            trace.note(
                "failed at worker", Int(worker.rawValue), lease: lease, detail: UInt64(failure.cause.rawValue),
                at: timeline.now)
            if failure.cause == .returned {
                master.scheduler.leaseReturned(lease, by: worker, at: moment, into: &master.decision)
            } else {
                master.scheduler.taskFailed(
                    lease, by: worker, failure: failure, at: moment, into: &master.decision)
            }
            acknowledge(number, on: connection, at: master)
        case .draining(let isOn):
            master.scheduler.workerDraining(worker, on: isOn, at: moment, into: &master.decision)
        default: violate("worker \(worker) said \(mail)")
        }
    }

    private func isStored(_ references: [BlobReference]) -> Bool {
        for blob in references { pin(blob.digest) }
        return references.allSatisfy { blobs.contains($0.digest) }
    }

    private func failMissing(_ lease: LeaseID, _ worker: WorkerID, at master: SimulatedMaster) {
        let failure = Failure(.workerError, "a result blob is not in the master's store")
        master.scheduler.taskFailed(lease, by: worker, failure: failure, at: moment, into: &master.decision)
    }

    private func acknowledge(_ number: UInt32, on connection: Int, at master: SimulatedMaster) {
        master.replies.append(.toWorker(connection: connection, .done(number: number)))
    }

    private func handleClient(_ mail: MasterMail, on connection: Int, at master: SimulatedMaster) {
        let answer: ClientMail
        do {
            switch mail {
            case .openJob(var opening):
                if bug == .tokenIgnored { opening.token += "-\(commitCount)" }
                let job = try master.scheduler.jobOpened(opening, at: moment, into: &master.decision)
                if master.scheduler.jobSummary(job)?.state == .open { master.unsealed[job] = timeline.now }
                answer = .opened(job)
            case .upload(let references):
                for blob in references { store(blob) }
                answer = .uploaded
            case .addImages(_, let offers) where !isStored(offers.map(\.input)):
                answer = .blobsMissing
            case .addImages(let job, let offers):
                try master.scheduler.imagesAdded(
                    to: job, firstIndex: 0, offers, at: moment, into: &master.decision)
                answer = .added
            case .sealJob(let job, let count):
                if bug != .sealNotKept {
                    try master.scheduler.jobSealed(job, imageCount: count, at: moment, into: &master.decision)
                    master.unsealed[job] = nil
                }
                answer = .sealed
            case .cancelJob(let job):
                try master.scheduler.jobCancelled(job, at: moment, into: &master.decision)
                master.unsealed[job] = nil
                answer = .cancelled
            case .closed:
                network[connection].isOpenAtMaster = false
                return
            default:
                violate("a client said \(mail)")
                return
            }
        } catch {
            answer = .refused
        }
        master.replies.append(.toClient(connection: connection, answer))
    }
}
