import JobModel
import MasterMachine
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
                master.scheduler.blobsLost(of: image, at: moment, into: &master.outbox.decision)
            }
        case .redriveDead:
            _ = try? master.scheduler.deadRedriven(job: nil, index: nil, at: moment, into: &master.outbox.decision)
        case .drainWorker(let worker, let isOn):
            master.scheduler.workerDraining(worker, on: isOn, at: moment, into: &master.outbox.decision)
            if let connection = master.workers[worker] {
                master.outbox.reply(.toWorker(connection: connection, .drain(isOn)))
            }
        case .forgetJob(let job):
            _ = try? master.scheduler.jobForgotten(job, at: moment, into: &master.outbox.decision)
        default: preconditionFailure("\(mail) came without a connection")
        }
    }

    private func assembled(_ image: ImageID, at master: SimulatedMaster) {
        guard let assembly = master.assemblies.removeValue(forKey: image) else { return }
        let inputs = assembly.parts.map(\.segment) + [assembly.metadata, assembly.document].compactMap { $0 }
        guard inputs.allSatisfy({ blobs.contains($0.digest) }) else {
            master.scheduler.blobsLost(of: image, at: moment, into: &master.outbox.decision)
            return
        }
        guard let status = master.scheduler.imageStatus(image),
            let job = master.scheduler.jobSummary(image.job)?.description
        else { return }
        let found = Set(inputs.compactMap { revisions[$0.digest] })
        if found.count > 1 {
            violate(.results, "image \(image) is put together from results of revisions \(found.sorted())")
        }
        let result = BlobReference.result(
            of: job.pipeline, on: status.input.digest, revision: found.first ?? resultRevision)
        store(result)
        master.scheduler.imageAssembled(image, result: result, at: moment, into: &master.outbox.decision)
    }

    private func register(_ mail: MasterMail, on connection: Int, at master: SimulatedMaster) {
        guard case .register(let worker, let slots, let revision, let held, let isDraining) = mail else { return }
        if let last = master.identifiers.blockToReserve(for: master.scheduler.nextWorkerID) {
            disk.reserve(workersThrough: last)
            master.identifiers.reserved(through: last)
        }
        let registration = WorkerRegistration(
            worker: worker, name: "worker", slotCount: slots, resultRevision: revision, held: held,
            isDraining: isDraining)
        guard
            let answer = try? master.scheduler.workerRegistered(registration, at: moment, into: &master.outbox.decision)
        else {
            master.outbox.reply(.toWorker(connection: connection, .refused))
            return
        }
        if let old = master.workers.registered(answer.worker, on: connection) {
            closeAtMaster(old)
            post(.closed, on: old)
        }
        network[connection].worker = answer.worker
        if case .worker(let number) = network[connection].peer {
            if number < options.liarCount { observer.liars.insert(answer.worker) }
            observer.named(answer.worker, worker: number, run: network[connection].peerRun, report: violate)
        }
        noteListing(held, dropped: answer.dropped, of: answer.worker, at: master)
        trace.note("registered worker", Int(answer.worker.rawValue), detail: UInt64(held.count), at: timeline.now)
        master.outbox.reply(
            .toWorker(connection: connection, .registered(answer.worker, dropped: answer.dropped)))
    }

    /// Remembers who knows what, for `checkLosersAreTold`.
    private func noteListing(
        _ held: [HeldLease], dropped: [LeaseID], of worker: WorkerID, at master: SimulatedMaster
    ) {
        master.listings[worker] = Set(held.map(\.lease))
        master.settled.formUnion(dropped)
    }

    private func handle(_ mail: MasterMail, from worker: WorkerID, on connection: Int, at master: SimulatedMaster) {
        if case .closed = mail {
            network[connection].isOpenAtMaster = false
            guard master.workers.ended(worker, connection) else { return }
            trace.note("disconnected worker", Int(worker.rawValue), at: timeline.now)
            master.scheduler.workerDisconnected(worker, at: moment, into: &master.outbox.decision)
            claimLost()
            return
        }
        guard master.workers.isPresent(worker, on: connection) else { return }
        switch mail {
        case .heartbeat(let held):
            let dropped = master.scheduler.workerHeartbeat(
                worker, held: held, residentBytes: 1 << 20, at: moment, into: &master.outbox.decision)
            noteListing(held, dropped: dropped, of: worker, at: master)
            master.outbox.reply(.toWorker(connection: connection, .heartbeatReply(dropped: dropped)))
        case .report(let number, let report):
            note(report, by: worker, at: master)
            let missing = report.blobs.first { !isStored([$0]) }
            // The next heartbeat's reply tells it.
            if missing != nil { master.settled.insert(report.lease) }
            master.scheduler.workerReported(
                report, by: worker, missing: missing, at: moment, into: &master.outbox.decision)
            master.outbox.reply(.toWorker(connection: connection, .done(number: number)))
        case .draining(let isOn):
            master.scheduler.workerDraining(worker, on: isOn, at: moment, into: &master.outbox.decision)
        default:
            if !observer.liars.contains(worker) { violate(.conversation, "worker \(worker) said \(mail)") }
            closeAtMaster(connection)
            post(.closed, on: connection)
        }
    }

    private func isStored(_ references: [BlobReference]) -> Bool {
        for blob in references { pin(blob.digest) }
        return references.allSatisfy { blobs.contains($0.digest) }
    }

    private func note(_ report: WorkerReport, by worker: WorkerID, at master: SimulatedMaster) {
        let number = Int(worker.rawValue)
        switch report {
        case .band(let lease, _, _):
            // A wrong one ends the attempt, which the next heartbeat's reply tells.
            if observer.liars.contains(worker) { master.settled.insert(lease) }
        case .finished(let lease, _):
            master.settled.insert(lease)
            trace.note("finished by worker", number, lease: lease, at: timeline.now)
        case .failed(let lease, let failure):
            master.settled.insert(lease)
            trace.note(
                "failed at worker", number, lease: lease, detail: UInt64(failure.cause.rawValue), at: timeline.now)
        }
    }

    private func handleClient(_ mail: MasterMail, on connection: Int, at master: SimulatedMaster) {
        let answer: ClientMail
        do {
            switch mail {
            case .openJob(let opening):
                let job = try master.scheduler.jobOpened(opening, at: moment, into: &master.outbox.decision)
                if master.scheduler.jobSummary(job)?.state == .open {
                    master.unsealed.opened(job, by: connection, at: timeline.now)
                }
                answer = .opened(job)
            case .upload(let job, let references):
                for blob in references { store(blob, for: job) }
                answer = .uploaded
            case .addImages(_, let offers) where !isStored(offers.map(\.input)):
                answer = .blobsMissing
            case .addImages(let job, let offers):
                try master.scheduler.imagesAdded(
                    to: job, firstIndex: 0, offers.map { withKeptResult($0, for: job, at: master) }, at: moment,
                    into: &master.outbox.decision)
                answer = .added
            case .sealJob(let job, let count):
                try master.scheduler.jobSealed(job, imageCount: count, at: moment, into: &master.outbox.decision)
                master.unsealed.ended(job)
                answer = .sealed
            case .cancelJob(let job):
                try master.scheduler.jobCancelled(job, at: moment, into: &master.outbox.decision)
                master.unsealed.ended(job)
                answer = .cancelled
            case .closed:
                network[connection].isOpenAtMaster = false
                master.unsealed.left(connection, at: timeline.now)
                return
            default:
                violate(.conversation, "a client said \(mail)")
                return
            }
        } catch {
            answer = error.retryAfter.map { .retryLater($0) } ?? .refused
        }
        master.outbox.reply(.toClient(connection: connection, answer))
    }

    /// The offer with the kept result of an identical request.
    private func withKeptResult(_ offer: ImageOffer, for job: JobID, at master: SimulatedMaster) -> ImageOffer {
        guard let description = master.scheduler.jobSummary(job)?.description else { return offer }
        var offer = offer
        let key = ResultCache.Key(
            input: offer.input.digest, pipeline: description.pipeline,
            revision: master.scheduler.configuration.resultRevision)
        if let result = master.results[key], blobs.contains(result.digest) {
            trace.note("answered with a kept result, job", Int(job.rawValue), at: timeline.now)
            offer.cachedResult = result
        }
        return offer
    }
}
