import JobModel
import MasterMachine
import Scheduler

// What the master's sessions do with a message: translate it into the machine's events.

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
        case .assembled(let assembly): assembled(assembly, at: master)
        case .blobMissing(let digest):
            guard master.machine.blobQuestioned(digest) else { return }
            for image in master.machine.blobLookedFor(digest, isThere: files[digest] != nil, at: moment) {
                trace.note("lost a blob of job", Int(image.job.rawValue), detail: UInt64(image.index), at: timeline.now)
            }
        case .redriveDead: _ = try? master.machine.deadRedriven(job: nil, index: nil, at: moment)
        case .drainWorker(let worker, let isOn):
            master.machine.draining(worker, on: isOn, at: moment)
            if let connection = master.machine.links[worker] {
                master.machine.reply(.toWorker(connection: connection, .drain(isOn)))
            }
        case .releaseWorker(let name): _ = try? master.machine.released(name, at: moment)
        case .forgetJob(let job): _ = try? master.machine.forgotten(job, at: moment)
        case .storageMeasured(let byteCount): measured(byteCount, at: master)
        default: preconditionFailure("\(mail) came without a connection")
        }
    }

    private func assembled(_ assembly: Assembly, at master: SimulatedMaster) {
        let image = assembly.image
        if isDiskFull {
            timeline.arrange(.masterAssembled(run: master.run, assembly), after: .seconds(1))
            return
        }
        let inputs = assembly.parts.map(\.segment) + [assembly.metadata, assembly.document].compactMap { $0 }
        guard inputs.allSatisfy({ files[$0.digest] != nil }) else {
            let missing = inputs.first { files[$0.digest] == nil }?.digest
            master.machine.segmentMissing(missing, of: image, run: assembly.run, at: moment)
            return
        }
        guard let status = master.machine.scheduler.imageStatus(image),
            let job = master.machine.scheduler.jobSummary(image.job)?.description
        else { return }
        let found = Set(inputs.compactMap { revisions[$0.digest] })
        if found.count > 1 {
            violate(.results, "image \(image) is put together from results of revisions \(found.sorted())")
        }
        var result = BlobReference.result(
            of: job.pipeline, on: status.input.digest, status.coding, revision: found.first ?? resultRevision)
        if let mark = wrong.mark(of: inputs.map(\.digest)) {
            result = .named("\(result.digest) of wrong \(mark.name)", byteCount: 1_000)
            wrong.note(result, mark.authors)
        }
        put(result)
        let isDone = master.machine.scheduler.imageStatus(image)?.state == .done
        master.machine.assembled(image, result: result, run: assembly.run, at: moment)
        if !isDone, master.machine.scheduler.imageStatus(image)?.state == .done,
            observer.assemblies[image] != assembly.run
        {
            violate(.audits, "image \(image) has a file that was put together before it started over")
        }
    }

    private func register(_ mail: MasterMail, on connection: Int, at master: SimulatedMaster) {
        guard case .register(let registration) = mail else { return }
        let held = registration.held
        guard let answer = try? master.machine.registered(registration, on: connection, at: moment) else {
            master.machine.reply(.toWorker(connection: connection, .refused))
            return
        }
        if let old = answer.replaced {
            closeAtMaster(old)
            post(.closed, on: old)
        }
        network[connection].worker = answer.worker
        if case .worker(let number) = network[connection].peer {
            if number < options.liarCount { observer.liars.insert(answer.worker) }
            observer.named(answer.worker, worker: number, run: network[connection].peerRun)
        }
        noteListing(held, dropped: answer.dropped, of: answer.worker, at: master)
        noteReadiness(registration.unreadyReason == nil, of: answer.worker, at: master)
        trace.note("registered worker", Int(answer.worker.rawValue), detail: UInt64(held.count), at: timeline.now)
        master.machine.reply(
            .toWorker(connection: connection, .registered(answer.worker, dropped: answer.dropped)))
    }

    private func noteReadiness(_ isReady: Bool, of worker: WorkerID, at master: SimulatedMaster) {
        if isReady {
            master.unready.remove(worker)
            master.unreadyBefore.remove(worker)
        } else {
            master.unready.insert(worker)
        }
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
            guard master.machine.disconnected(worker, on: connection, at: moment) else { return }
            trace.note("disconnected worker", Int(worker.rawValue), at: timeline.now)
            claimLost()
            return
        }
        guard master.machine.isPresent(worker, on: connection) else { return }
        switch mail {
        case .heartbeat(let held, let residentBytes, let isReady):
            noteReadiness(isReady, of: worker, at: master)
            let dropped = master.machine.heartbeat(
                of: worker, held: held, residentBytes: residentBytes, unreadyReason: isReady ? nil : "not ready",
                at: moment)
            noteListing(held, dropped: dropped, of: worker, at: master)
            master.machine.reply(.toWorker(connection: connection, .heartbeatReply(dropped: dropped)))
        case .report(let number, let report):
            note(report, by: worker, at: master)
            let evidence = evidence(for: report, at: master)
            let (missing, _) = master.machine.reported(report, by: worker, evidence, at: moment)
            // The next heartbeat's reply tells it.
            if missing != nil {
                master.settled.insert(report.lease)
                observer.reportedFailures.insert(report.lease)
            }
            master.machine.reply(.toWorker(connection: connection, .done(number: number)))
        case .draining(let isOn):
            master.machine.draining(worker, on: isOn, at: moment)
        default:
            if !observer.liars.contains(worker) { violate(.conversation, "worker \(worker) said \(mail)") }
            closeAtMaster(connection)
            post(.closed, on: connection)
        }
    }

    private func note(_ report: WorkerReport, by worker: WorkerID, at master: SimulatedMaster) {
        let number = Int(worker.rawValue)
        switch report {
        case .band(let lease, _, _):
            // A wrong one ends the attempt, which the next heartbeat's reply tells.
            if observer.liars.contains(worker) { master.settled.insert(lease) }
        case .finished(let lease, let output):
            master.settled.insert(lease)
            observer.auditBook.reported(lease, output, by: worker)
            trace.note("finished by worker", number, lease: lease, at: timeline.now)
        case .failed(let lease, let failure):
            master.settled.insert(lease)
            observer.reportedFailures.insert(lease)
            trace.note(
                "failed at worker", number, lease: lease, detail: UInt64(failure.cause.rawValue), at: timeline.now)
        }
    }

    private func handleClient(_ mail: MasterMail, on connection: Int, at master: SimulatedMaster) {
        let answer: ClientMail
        do {
            switch mail {
            case .openJob(let opening):
                answer = .opened(try master.machine.jobOpened(opening, by: connection, at: moment))
            case .upload(let job, _) where isDiskFull:
                master.machine.uploading(for: job, at: moment)
                answer = .retryLater(Self.roomRetryInterval)
            case .upload(let job, let references):
                for blob in references {
                    // Some clients say that their inputs can be computed again.
                    put(blob, as: nil, storeRandom.happens(onceIn: 4) ? .neglected : .synced)
                    master.machine.uploaded(blob, for: job, at: moment)
                }
                answer = .uploaded
            case .addImages(let job, let offers):
                let attachments = master.machine.scheduler.jobSummary(job)?.description.attachments ?? []
                makeDurable((attachments + offers.map(\.input)).map(\.digest))
                switch try master.machine.imagesAdded(to: job, firstIndex: 0, offers, at: moment) {
                case .missing: answer = .blobsMissing
                case .added(let count):
                    for _ in 0..<count {
                        trace.note("answered with a kept result, job", Int(job.rawValue), at: timeline.now)
                    }
                    answer = .added
                }
            case .sealJob(let job, let count):
                try master.machine.sealed(job, imageCount: count, at: moment)
                answer = .sealed
            case .cancelJob(let job):
                try master.machine.cancelled(job, at: moment)
                answer = .cancelled
            case .closed:
                network[connection].isOpenAtMaster = false
                master.machine.clientLeft(connection, at: moment)
                return
            default:
                violate(.conversation, "a client said \(mail)")
                return
            }
        } catch {
            answer = error.retryAfter.map { .retryLater($0) } ?? .refused
        }
        master.machine.reply(.toClient(connection: connection, answer))
    }
}
