import DaemonSupport
import JobModel
import Logging
import SystemCalls
import WorkerMachine

// Whether the worker can run tasks: its scratch directory and its worlds. What is its own trouble costs no task an attempt.

extension Worker {
    /// Looks after the scratch directory, and after the worlds that did not come up, until cancelled.
    func keepReady() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: readiness.pause)
            await look()
        }
    }

    private func look() async {
        do {
            if try scratch.restore() { noteRestored() }
        } catch {
            return found(.scratchGone("\(error)"))
        }
        switch readiness.trouble {
        case nil: break
        case .scratchGone: isReadyAgain()
        case .scratchFull(let reason, let need):
            let free = (try? ScratchSpace(of: settings.scratchDirectory).freeByteCount) ?? 0
            if free >= need { isReadyAgain() } else { found(.scratchFull(reason, need: need)) }
        case .noWorld(let slot, _):
            do {
                try await worlds[slot].start()
                isReadyAgain()
            } catch WorldError.stopped {
                // The worker is ending.
            } catch {
                found(.noWorld(slot: slot, "\(error)"))
            }
        }
    }

    /// From now on the worker takes no leases, and the master and the log know why.
    func found(_ trouble: Readiness.Trouble) {
        let wasReady = readiness.found(trouble)
        logger.error(
            "the worker cannot run tasks",
            metadata: ["reason": "\(trouble.reason)", "next-look": "\(readiness.pause)"])
        notifier.status("cannot run tasks: \(trouble.reason)")
        guard wasReady else { return }
        let actions = board.becameUnready()
        // The master hears it before it gets leases back, which it would grant here again.
        beat()
        perform(actions)
    }

    func isReadyAgain() {
        readiness.isOver()
        board.becameReady()
        logger.notice("the worker can run tasks again")
        notifier.status("")
        beat()
    }

    func noteRestored() {
        restorationCount += 1
        logger.warning(
            "the worker's directory was removed from the scratch directory, and is made again",
            metadata: ["directory": "\(scratch.path)"])
    }

    /// The failure to report. What is the worker's trouble, not the task's, costs the task no attempt: the lease goes back.
    ///
    /// - Parameter slot: the slot in which the lease ran; `nil` when it was being fetched.
    func failure(_ error: any Error, of lease: LeaseID, slot: Int?) async -> Failure {
        let failure = Failure(of: error)
        guard failure.cause == .workerError else { return failure }
        do {
            let isWorldRestored = if let slot { try await worlds[slot].restoreDirectory() } else { false }
            if try scratch.restore() || isWorldRestored { noteRestored() }
            // Files that were fetched before are gone, though the directory may have been made again for another lease's sake.
            if restorationCount > restorationsBefore[lease] ?? restorationCount {
                return Failure(.returned, "the worker's directory was removed while the task ran: \(failure.reason)")
            }
        } catch {
            found(.scratchGone("\(error)"))
            return Failure(.returned, "\(error)")
        }
        let isStartFailure =
            switch error {
            case WorldError.notStarted, WorldError.notLauncher: true
            default: false
            }
        if isStartFailure, let slot {
            found(.noWorld(slot: slot, "\(error)"))
            return Failure(.returned, failure.reason, outputTail: failure.outputTail)
        }
        let missing = (error as? LeaseFileError)?.missingByteCount ?? 0
        guard missing > 0 || SystemError.isForWantOfRoom(failure.reason) else { return failure }
        return wantOfRoom(failure.reason, missing, of: lease)
    }

    /// The failure of a task for which the scratch directory had no room.
    func wantOfRoom(_ reason: String, _ missing: UInt64, of lease: LeaseID) -> Failure {
        files(of: lease).remove()
        let space = try? ScratchSpace(of: settings.scratchDirectory)
        let free = space?.freeByteCount ?? 0
        let words =
            "\(reason): the scratch directory \(settings.scratchDirectory) has \(Bytes.text(free)) free of "
            + "\(Bytes.text(space?.totalByteCount ?? 0)); \(ScratchSpace.advice)"
        // The worker's other leases give their room back as they end.
        if hasFiles(besides: lease) { return Failure(.returned, words) }
        let usual = slotScratchByteCount * UInt64(settings.slotCount)
        // All that there was at the start is free: the task is too large.
        if free >= usual / 4 * 3, missing <= free { return Failure(.workerError, words) }
        found(.scratchFull(words, need: max(missing, usual / 4 * 3)))
        return Failure(.returned, words)
    }

    /// Whether files of other leases are in the scratch directory.
    func hasFiles(besides lease: LeaseID) -> Bool {
        board.held.contains { $0.lease != lease && board.phase(of: $0.lease) != .fetching }
    }
}
