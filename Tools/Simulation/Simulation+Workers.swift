import ImagingModel
import Pipelines
import JobModel
import MasterMachine
import Retrying
import Scheduler
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

    private func arrange(_ happening: WorkerEvent, at number: Int, after delay: Duration) {
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
        workers[number] = fresh
        if let pause { arrange(.starts, at: number, after: pause) }
    }

    /// Whether the master's release is what the worker starts as next: its host may be behind for a while.
    private func isInstalled(at number: Int) -> Bool {
        workers[number].resultRevision == resultRevision || !isFaulty || random.happens(onceIn: 2)
    }

    // MARK: The connection

    private func connectWorker(_ number: Int) {
        guard workers[number].isUp, workers[number].connection == nil else { return }
        let peer = Network.Peer.worker(number)
        guard let master, master.pausedUntil <= timeline.now, network.isReachable(peer, at: timeline.now) else {
            connectLater(number, after: .lost(.absent))
            return
        }
        let connection = network.open(peer, masterRun: master.run, peerRun: workers[number].run)
        workers[number].link.authenticated()
        workers[number].connection = connection
        workers[number].lastHeard = timeline.now
        sendToMaster(.register(registration(of: number)), on: connection)
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

    private func held(by number: Int) -> [HeldLease] {
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

    // MARK: The work

    private func perform(_ actions: [LeaseBoard.Action], at number: Int) {
        for action in actions {
            switch action {
            case .fetch(let lease, let spec):
                let ticket = workers[number].nextTicket
                workers[number].nextTicket += 1
                workers[number].work[lease] = SimulatedWorker.Run(spec: spec, ticket: ticket)
                arrange(.fetched(lease), at: number, after: random.draw(.milliseconds(1) ... .milliseconds(50)))
            case .run(let lease, _, let slot): run(lease, slot: slot, at: number)
            case .abandon(let lease):
                guard let run = workers[number].work[lease] else { break }
                if run.slot != nil {
                    // The slot is free when its world has stopped, not before.
                    let ticket = workers[number].nextTicket
                    workers[number].nextTicket += 1
                    workers[number].work[lease]?.ticket = ticket
                    arrange(
                        .failed(lease, ticket: ticket, Failure(.cancelled, "taken away")), at: number,
                        after: random.draw(.milliseconds(1) ... .milliseconds(400)))
                } else {
                    workers[number].work[lease] = nil
                }
            case .clear(let lease):
                workers[number].work[lease] = nil
                workers[number].wrong[lease] = nil
                workers[number].reportingSince[lease] = nil
            case .send(let stream, let report):
                guard workers[number].isRegistered, let connection = workers[number].connection else { break }
                sendToMaster(.report(number: stream, report), on: connection)
            }
        }
    }

    /// Whether the master's blob store answers the worker now.
    private func isStoreReachable(by number: Int) -> Bool {
        guard let master, master.pausedUntil <= timeline.now else { return false }
        return network.isReachable(.worker(number), at: timeline.now)
    }

    /// Makes a transfer, or repeats it later as a worker does, or ends the attempt when that took too long.
    /// - Returns: whether the store answered.
    private func transfers(of lease: LeaseID, orRepeat happening: WorkerEvent, at number: Int) -> Bool {
        guard !isStoreReachable(by: number), var run = workers[number].work[lease] else {
            workers[number].work[lease]?.retries.succeeded()
            return true
        }
        let verdict = run.retries.failed(.absent, at: timeline.now - .zero, using: &random)
        run.waitsForRoom = false
        let slot = run.slot
        if case .giveUp = verdict { run.slot = nil }
        workers[number].work[lease] = run
        switch verdict {
        case .wait(let pause): arrange(happening, at: number, after: pause)
        case .giveUp:
            perform(
                workers[number].board.failed(lease, slot: slot, Failure(.workerError, "the master does not answer")),
                at: number)
        }
        return false
    }

    private func fetch(_ lease: LeaseID, at number: Int) {
        guard workers[number].board.phase(of: lease) == .fetching, let spec = workers[number].work[lease]?.spec else {
            return
        }
        guard transfers(of: lease, orRepeat: .fetched(lease), at: number) else { return }
        let attachments = spec.attachments.map { BlobSlice($0) }
        let inputs = spec.inputs + [spec.value].compactMap { $0 } + attachments
        if let missing = inputs.first(where: { files[$0.blob.digest] == nil }) {
            // Nobody can compute these again.
            let isOriginal = isFirst(spec.task.step) || attachments.contains(missing)
            if isOriginal, master?.machine.scheduler.imageStatus(lease.task.image)?.state.isFinal == false {
                violate(.blobs, "an input of image \(lease.task.image) is gone, though it may still run")
            }
            post(.blobMissing(missing.blob.digest), on: nil)
            perform(
                workers[number].board.failed(lease, slot: nil, Failure(.workerError, "an input did not arrive")),
                at: number)
        } else {
            perform(workers[number].board.fetched(lease), at: number)
        }
    }

    private func run(_ lease: LeaseID, slot: Int, at number: Int) {
        guard let run = workers[number].work[lease] else { return }
        if let other = workers[number].work.first(where: { $0.value.slot == slot })?.key {
            violate(.leases, "slot \(slot) of worker \(number) runs \(other), and is given \(lease)")
        }
        if !workers[number].board.isReady {
            violate(.conversation, "worker \(number) starts \(lease), though it cannot run tasks")
        }
        workers[number].work[lease]?.slot = slot
        checkPieces(run.spec)
        let image = lease.task.image
        if let trial {
            arrangeTrial(trial, lease, run, at: number)
            return
        }
        let duration = random.draw(.milliseconds(1)...options.longestTask)
        let mark = Int(truncatingIfNeeded: image.job.rawValue &* 31 &+ UInt64(image.index) &* 7)
        if options.poisonEvery > 0, mark % options.poisonEvery == 1 {
            arrange(
                .failed(lease, ticket: run.ticket, Failure(.rankLost, "a rank died")), at: number, after: duration / 2)
        } else if options.corruptEvery > 0, mark % options.corruptEvery == 2, isFirst(lease.task.step) {
            arrange(
                .failed(lease, ticket: run.ticket, Failure(.corruptInput, "not an image")), at: number,
                after: duration / 2)
        } else if isLying(number), random.happens(onceIn: 12) {
            trace.noteFault("hardly gets on, worker", number, at: timeline.now)
            workers[number].work[lease]?.isCreeping = true
        } else if isFaulty, random.happens(onceIn: options.rankLossEvery) {
            trace.noteFault("rank lost at worker", number, at: timeline.now)
            arrange(
                .failed(lease, ticket: run.ticket, Failure(.rankLost, "a rank died")), at: number, after: duration / 2)
        } else if isFaulty, random.happens(onceIn: options.hangEvery) {
            trace.noteFault("hangs at worker", number, at: timeline.now)
            arrange(
                .failed(lease, ticket: run.ticket, Failure(.hung, "no progress")), at: number,
                after: .milliseconds(Int(run.spec.progressTimeoutMilliseconds)))
        } else if lease.task.step == .decode, !run.spec.isInPieces {
            arrange(
                .publishes(lease, band: plan(of: run.spec)?.neededBands.lowerBound ?? 0, ticket: run.ticket),
                at: number, after: duration)
        } else {
            arrange(.computed(lease, ticket: run.ticket), at: number, after: duration)
        }
    }

    /// A chunk that reads the file by its pieces is told those of its own rows: ranks refuse others.
    private func checkPieces(_ spec: TaskSpec) {
        guard spec.isInPieces, case .chunk(_, let index) = spec.task.step else { return }
        let own = Self.valueByteCount * UInt64(index)
        if spec.value?.offset != own || spec.value?.byteCount != Self.valueByteCount {
            violate(.results, "\(spec.task) is told the pieces of other rows")
        }
    }

    private func arrangeTrial(_ trial: ShareTrial, _ lease: LeaseID, _ run: SimulatedWorker.Run, at number: Int) {
        let duration = ShareTrial.duration(
            pixels: UInt64(run.spec.geometry.width) * UInt64(run.spec.geometry.height))
        if trial.isPoison(lease.task.image.job, clients) {
            arrange(.failed(lease, ticket: run.ticket, Failure(.rankLost, "a rank died")), at: number, after: duration)
        } else {
            arrange(.computed(lease, ticket: run.ticket), at: number, after: duration)
        }
    }

    private func isFirst(_ step: TaskStep) -> Bool {
        switch step {
        case .whole, .decode: true
        case .chunk, .reduce: false
        }
    }

    private func publish(_ band: Int, of lease: LeaseID, ticket: Int, at number: Int) {
        guard let spec = workers[number].work[lease]?.spec, let plan = plan(of: spec) else { return }
        let again = WorkerEvent.publishes(lease, band: band, ticket: ticket)
        guard transfers(of: lease, orRepeat: again, at: number) else { return }
        let rows = plan.bands[band]
        guard storeHasRoom(for: lease, rows.count * plan.input.bytesPerRow, at: number) else {
            return arrange(again, at: number, after: Self.roomRetryInterval)
        }
        // A decoding that goes wrong goes wrong in one band.
        let isWrong = band == plan.neededBands.lowerBound && isWrong(lease, at: number)
        let blob = BlobReference.named(
            "\(lease.task.image).band-\(band) by \(workers[number].resultRevision)"
                + (isWrong ? wrongName(of: lease, at: number) : ""),
            byteCount: UInt64(rows.count * plan.input.bytesPerRow))
        if isWrong { wrong.note(blob, [presentRun(of: number)]) }
        store(blob)
        revisions[blob.digest] = workers[number].resultRevision
        let (index, named) = isLying(number) ? lied(about: UInt32(band), blob, at: number) : (UInt32(band), blob)
        perform(workers[number].board.bandUploaded(lease, index: index, blob: named), at: number)
        let pause = random.draw(.milliseconds(1) ... .milliseconds(50))
        if band + 1 < plan.neededBands.upperBound {
            arrange(.publishes(lease, band: band + 1, ticket: ticket), at: number, after: pause)
        } else {
            arrange(.computed(lease, ticket: ticket), at: number, after: pause)
        }
    }

    private func upload(_ lease: LeaseID, at number: Int) {
        guard workers[number].board.phase(of: lease) == .uploading, let spec = workers[number].work[lease]?.spec else {
            return
        }
        guard transfers(of: lease, orRepeat: .uploads(lease), at: number) else { return }
        let revision = workers[number].resultRevision
        let byteCount = output(of: spec, revision, suffix: "")?.blobs.reduce(0) { $0 + Int($1.byteCount) } ?? 0
        guard storeHasRoom(for: lease, byteCount, at: number) else {
            return arrange(.uploads(lease), at: number, after: Self.roomRetryInterval)
        }
        let isWrong = (spec.task.step != .decode || spec.isInPieces) && isWrong(lease, at: number)
        guard
            let output = output(
                of: spec, revision, isWrong ? wrongName(of: lease, at: number) : "",
                by: isWrong ? presentRun(of: number) : nil)
        else { return }
        let inputs = (spec.inputs + [spec.value].compactMap { $0 }).map(\.blob.digest)
        if let other = inputs.compactMap({ revisions[$0] }).first(where: { $0 != revision }) {
            violate(.results, "\(lease) makes results of revision \(revision) of what is of revision \(other)")
        }
        store(output, of: spec, isHonest: number >= options.liarCount)
        for blob in output.blobs { revisions[blob.digest] = revision }
        if isLying(number), let lie = lied(about: output, of: spec, at: number) {
            perform(workers[number].board.finished(lease, lie), at: number)
        } else {
            perform(workers[number].board.finished(lease, output), at: number)
        }
    }

    /// Bytes of a value that a task gives for a chunk.
    private static var valueByteCount: UInt64 { 10 }
    static var segmentChecksum: SegmentChecksum { SegmentChecksum([1, 0, 0, 0, 1]) }

    /// What the bytes of the task's payload are, where the master can see it.
    func content(of spec: TaskSpec) -> ReportedContent? {
        guard let plan = plan(of: spec) else { return nil }
        switch spec.task.step {
        case .whole: return .file(ImageGeometry(plan.output), encoding: spec.coding.encoding)
        case .decode, .reduce: return nil
        case .chunk(let stage, let index):
            let stage = plan.stages[Int(stage)]
            guard stage.epilogue.kind == .segments else { return nil }
            return .segments(
                rowCount: stage.chunks[Int(index)].count, of: ImageGeometry(plan.output), encoding: spec.coding.encoding
            )
        }
    }

    /// Whether the worker computes the task wrongly; drawn once.
    private func isWrong(_ lease: LeaseID, at number: Int) -> Bool {
        if let known = workers[number].wrong[lease] { return known }
        let strikes = workers[number].miscomputes.strikes(lease.task.step, using: &auditRandom)
        workers[number].wrong[lease] = strikes
        resultCounts[number, default: (0, 0)].all += 1
        if strikes {
            resultCounts[number]?.wrong += 1
            firstWrongAt = firstWrongAt ?? timeline.now
        }
        if strikes { trace.noteFault("computes a wrong result, worker", number, at: timeline.now) }
        return strikes
    }

    /// What tells a wrong result from the right one, and from those that others computed wrongly.
    private func wrongName(of lease: LeaseID, at number: Int) -> String {
        workers[number].miscomputes == .always ? " wrong by \(number)" : " wrong by \(number) as \(lease)"
    }

    func presentRun(of number: Int) -> WrongResults.Run { WrongResults.Run(worker: number, run: workers[number].run) }

    /// The result that every sound attempt of the task has, by releases of one revision: results are deterministic. Of wrong
    /// inputs everybody computes the same wrong result.
    ///
    /// - Parameter wrongName: what tells the result of an attempt that is not sound from the right one.
    func output(
        of spec: TaskSpec, _ revision: UInt32, _ wrongName: String = "", by run: WrongResults.Run? = nil
    ) -> TaskOutput? {
        let mark = wrong.mark(of: (spec.inputs + [spec.value].compactMap { $0 }).map(\.blob.digest))
        let suffix = (mark.map { " of wrong \($0.name)" } ?? "") + wrongName
        let authors = (mark?.authors ?? []).union([run].compactMap { $0 })
        guard let output = output(of: spec, revision, suffix: suffix) else { return nil }
        if !authors.isEmpty { for blob in output.blobs { wrong.note(blob, authors) } }
        return output
    }

    private func output(of spec: TaskSpec, _ revision: UInt32, suffix: String) -> TaskOutput? {
        let name = "\(spec.task) by \(revision)\(suffix)"
        guard let plan = plan(of: spec) else { return nil }
        switch spec.task.step {
        case .whole:
            let result = BlobReference.result(
                of: spec.pipeline, on: spec.inputs[0].blob.digest, spec.coding, revision: revision)
            return TaskOutput(
                payload: suffix.isEmpty ? result : .named("\(result.digest)\(suffix)", byteCount: 1_000))
        case .decode where spec.isInPieces:
            let count = UInt64(plan.stages[0].chunks.count)
            return TaskOutput(
                payload: .named("\(name).payload", byteCount: Self.valueByteCount * count),
                metadata: .named("\(name).metadata", byteCount: 50),
                valueOffsets: (0...count).map { Self.valueByteCount * $0 })
        case .decode: return TaskOutput(metadata: .named("\(name).metadata", byteCount: 50))
        case .reduce(let stage):
            let stage = plan.stages[Int(stage)]
            let count =
                if case .aggregate(let step) = stage.epilogue, !step.appliesRowByRow { stage.chunks.count } else { 1 }
            return TaskOutput(
                payload: .named("\(name).payload", byteCount: Self.valueByteCount * UInt64(count)),
                valueOffsets: (0...count).map { Self.valueByteCount * UInt64($0) })
        case .chunk(let stage, let index):
            let stage = plan.stages[Int(stage)]
            let rows = stage.chunks[Int(index)].count
            let rawByteCount = UInt64(rows * stage.output.bytesPerRow)
            switch stage.epilogue {
            case .segments:
                return TaskOutput(
                    payload: .named("\(name).payload", byteCount: 1_000), checksum: Self.segmentChecksum)
            case .rows, .columns: return TaskOutput(payload: .named("\(name).payload", byteCount: rawByteCount))
            case .report: return TaskOutput(payload: .named("\(name).payload", byteCount: 1_024))
            case .aggregate:
                return TaskOutput(
                    payload: .named("\(name).payload", byteCount: rawByteCount),
                    summary: .named("\(name).summary", byteCount: 1_024))
            }
        }
    }

    func plan(of spec: TaskSpec) -> ProcessingPlan? {
        guard let shape = try? ImageShape(spec.geometry),
            let pipeline = try? PipelineCache.shared.pipeline(spec.pipeline)
        else { return nil }
        let plan = try? ProcessingPlan(
            pipeline: pipeline, input: shape, chunkByteCount: Int(spec.chunkByteCount), grid: SegmentGrid(spec.coding))
        if plan == nil { violate(.leases, "task \(spec.task) was granted without a plan") }
        return plan
    }
}

extension TaskOutput {
    /// The blobs that it names.
    var blobs: [BlobReference] { [payload, summary, metadata].compactMap { $0 } }
}
