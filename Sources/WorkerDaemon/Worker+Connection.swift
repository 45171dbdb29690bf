import DaemonSupport
import JobModel
import MasterClient
import Protocol
import SystemCalls
import Transport
import WorkerMachine

/// What is said to the master, and what it says.
extension Worker {
    /// The registration, with all leases that the worker really holds.
    var registration: WireRegister {
        .with {
            $0.worker = identifier?.rawValue ?? 0
            $0.held = held
            $0.draining = board.isOrderedToDrain
            $0.unready = readiness.trouble?.reason ?? ""
            $0.slotMemoryBytes = offeredByteCount
        }
    }

    private var held: [WireHeldLease] {
        board.held.map {
            WireHeldLease(lease: $0.lease, started: $0.started, progress: progress[$0.lease]?.value ?? 0)
        }
    }

    /// The master accepted the registration: reports that it may not have received are sent again.
    func registered(_ reply: WireRegistered, on connection: ControlConnection) throws {
        guard (1...60_000).contains(reply.heartbeatMilliseconds) else {
            throw ProtocolViolation(
                field: "Registered.heartbeat_milliseconds", value: "\(reply.heartbeatMilliseconds)",
                allowed: "1 to 60000")
        }
        identifier = WorkerID(reply.worker)
        heartbeatInterval = .milliseconds(reply.heartbeatMilliseconds)
        self.connection = connection
        activity.registrationCount += 1
        grants = GrantAssembly()
        perform(board.dropped(try reply.dropped.map { try LeaseID(wire: $0) }))
        perform(board.reconnected())
        // Draining began after the registration was sent: the master would keep granting leases that are handed back at once.
        if board.isOrderedToDrain { connection.send(.drain(WireDrain())) }
        show()
    }

    /// Another worker has our number: a master whose state is new may have given it away. The next registration asks for a new
    /// one.
    func numberTaken() { identifier = nil }

    /// The master computes results of another revision, with which ours must not be mixed: it has no use for our leases.
    func leasesLost() { perform(board.dropped(board.held.map(\.lease))) }

    /// The master has another state than the one before, to which our leases and our number belong. Returns when all work for
    /// them has ended: the new master may grant a lease of the same name, and files are named by it.
    func startOver() async {
        numberTaken()
        leasesLost()
        if workCount > 0 { await withCheckedContinuation { restWaiters.append($0) } }
    }

    func disconnected(_ connection: ControlConnection) {
        if self.connection === connection { self.connection = nil }
        show()
    }

    func received(_ message: WireControl, stream: UInt32) throws {
        switch message.body {
        case .grantLease(let grant): granted(try grants.received(grant))
        case .grantInputs(let inputs): granted(try grants.received(inputs))
        case .revokeLease(let revocation):
            let lease = try LeaseID(wire: revocation.lease)
            logger.debug("lease revoked", metadata: ["lease.id": "\(lease)", "reason": "\(revocation.reason)"])
            perform(board.dropped([lease]))
        case .heartbeatReply(let reply):
            perform(board.dropped(try reply.dropped.map { try LeaseID(wire: $0) }))
        case .done: perform(board.acknowledged(stream))
        case .drain(let drain): setDraining(!drain.resume)
        case .refused(let refusal):
            logger.warning(
                "the master refused a message", metadata: ["code": "\(refusal.code)", "reason": "\(refusal.message)"])
        case let other:
            throw ProtocolViolation(
                field: "Control.body", value: other.map { "\($0)".prefix(40).description } ?? "nothing",
                allowed: "a message for workers")
        }
    }

    private func granted(_ grant: GrantAssembly.Grant?) {
        switch grant {
        case .usable(let lease, let spec):
            logger.debug("lease granted", metadata: ["lease.id": "\(lease)"])
            perform(board.granted(lease, spec))
        case .unusable(let lease, let violation):
            logger.warning(
                "a lease cannot be used", metadata: ["lease.id": "\(lease)", "reason": "\(violation)"])
            perform(board.refused(lease, Failure(.workerError, "the grant cannot be used: \(violation)")))
        case nil: break
        }
    }

    /// Sends a heartbeat, if there is a connection.
    func beat() {
        let heartbeat = WireHeartbeat.with {
            $0.held = held
            $0.residentBytes = UInt64(ThisProcess.residentByteCount)
            $0.unready = readiness.trouble?.reason ?? ""
        }
        connection?.send(.heartbeat(heartbeat))
        show()
    }

    /// Shows the present state to those who watch.
    func show() {
        notices.beat { now in
            WorkerSnapshot(
                takenAt: now, isRegistered: connection != nil, isDraining: board.isOrderedToDrain,
                trouble: readiness.trouble?.reason, slotCount: settings.slotCount,
                ranksPerSlot: settings.ranksPerSlot, busySlotCount: occupiedSlots.count, leaseCount: board.held.count,
                scratchFreeByteCount: (try? ScratchSpace(of: settings.scratchDirectory).freeByteCount) ?? 0,
                activity: activity)
        }
    }
}

extension WireControl {
    /// The report as a message.
    init(_ report: WorkerReport) {
        switch report {
        case .band(let lease, let index, let blob):
            self.init(.bandPublished(WireBandPublished(lease: lease, band: index, blob: blob)))
        case .finished(let lease, let output): self.init(.taskFinished(WireTaskFinished(lease: lease, output: output)))
        case .failed(let lease, let failure): self.init(.taskFailed(WireTaskFailed(lease: lease, failure: failure)))
        }
    }
}
