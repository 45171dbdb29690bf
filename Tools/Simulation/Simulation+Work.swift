import ImagingModel
import Pipelines
import JobModel
import MasterMachine
import Retrying
import Scheduler
import WorkerMachine

// What workers do with their leases: they fetch, compute, publish and upload, each of which may fail.

extension Simulation {
    func perform(_ actions: [LeaseBoard.Action], at number: Int) {
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
                checkOwner(of: report.lease, at: number, on: connection)
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
    func transfers(of lease: LeaseID, orRepeat happening: WorkerEvent, at number: Int) -> Bool {
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

    func fetch(_ lease: LeaseID, at number: Int) {
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

    func run(_ lease: LeaseID, slot: Int, at number: Int) {
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

    func publish(_ band: Int, of lease: LeaseID, ticket: Int, at number: Int) {
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

    func upload(_ lease: LeaseID, at number: Int) {
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
}
