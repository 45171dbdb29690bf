import JobModel
import MasterMachine
import Protocol
import Scheduler
import Transport

// What workers say, translated into the machine's events.

extension MasterCore {
    /// Registers the worker behind `connection` and answers it; leases that follow come after the answer.
    func register(_ message: WireRegister, on connection: ControlConnection, stream: UInt32) throws -> WorkerID {
        let held = try message.held.map { try HeldLease($0) }
        let registration = WorkerRegistration(
            worker: message.worker == 0 ? nil : WorkerID(message.worker), identity: connection.peer.identity.bytes,
            name: message.name,
            slotCount: Int(message.slotCount), ranksPerSlot: Int(message.ranksPerSlot),
            slotMemoryByteCount: message.slotMemoryBytes == 0 ? nil : message.slotMemoryBytes,
            resultRevision: message.resultRevision, held: held, isDraining: message.draining,
            unreadyReason: Self.reason(message.unready))
        let answer = try decide { master, now throws(SchedulerRefusal) in
            try master.registered(registration, on: connection, at: now)
        }
        answer.replaced?.close(
            WireRefusal(.replaced, "the worker registered on another connection"))
        let configuration = settings.scheduler
        logger.info(
            "worker registered",
            metadata: [
                "worker.id": "\(answer.worker)", "name": "\(message.name)", "address": "\(connection.remoteAddress)",
                "slots": "\(message.slotCount)", "ranks": "\(message.ranksPerSlot)", "held": "\(held.count)",
                "dropped": "\(answer.dropped.count)",
            ])
        afterCommit {
            connection.send(
                .registered(
                    .with {
                        $0.worker = answer.worker.rawValue
                        $0.heartbeatMilliseconds = UInt32(configuration.heartbeatInterval / .milliseconds(1))
                        $0.leaseMilliseconds = UInt32(configuration.leaseDuration / .milliseconds(1))
                        $0.dropped = answer.dropped.map(\.wire)
                    }), stream: stream)
        }
        return answer.worker
    }

    /// The names of connected workers, by the identity of their process.
    var workerNames: [Peer.Identity: String] {
        let workers = master.scheduler.workers(at: now, after: nil, limit: .max)
        return Dictionary(
            workers.compactMap { worker in master.links[worker.id].map { ($0.peer.identity, worker.name) } }
        ) { first, _ in first }
    }

    /// The worker's connection ended. Nothing happens if it already has another.
    func disconnected(_ worker: WorkerID, _ connection: ControlConnection) {
        guard decide({ $0.disconnected(worker, on: connection, at: $1) }) else { return }
        logger.info("worker disconnected", metadata: ["worker.id": "\(worker)"])
    }

    /// Handles a message of a registered worker that is not a report.
    ///
    /// - Throws: `ProtocolViolation` when the worker breaks the protocol: its connection is closed.
    func received(
        _ message: WireControl, stream: UInt32, from worker: WorkerID, on connection: ControlConnection
    ) throws {
        // A race: the worker was declared dead, or registered on another connection.
        guard master.isPresent(worker, on: connection) else { return }
        switch message.body {
        case .heartbeat(let heartbeat):
            let held = try heartbeat.held.map { try HeldLease($0) }
            let dropped = decide {
                $0.heartbeat(
                    of: worker, held: held, residentBytes: heartbeat.residentBytes,
                    unreadyReason: Self.reason(heartbeat.unready), at: $1)
            }
            reply(.heartbeatReply(.with { $0.dropped = dropped.map(\.wire) }), stream: stream, on: connection)
        case .drain(let drain):
            decide { $0.draining(worker, on: !drain.resume, at: $1) }
            reply(.done(WireDone()), stream: stream, on: connection)
        case let other:
            throw ProtocolViolation(
                field: "Control.body", value: other.map { "\($0)".prefix(40).description } ?? "nothing",
                allowed: "heartbeat, band_published, task_finished, task_failed or drain from a registered worker")
        }
    }

    /// A worker's reason for not being ready, as long as a listing has room for; `nil` when it gave none.
    private static func reason(_ text: String) -> String? {
        text.isEmpty ? nil : text.prefix(maximumByteCount: 500)
    }

    /// What the bytes of a report have to be; `nil` when nothing of them has to be read.
    func expectedContent(of report: WorkerReport) -> ReportedContent? { master.expectedContent(of: report) }

    /// Handles a report of a registered worker.
    ///
    /// - Parameter evidence: what was found when its blobs were looked at.
    func reported(
        _ report: WorkerReport, _ evidence: ReportEvidence, stream: UInt32, from worker: WorkerID,
        on connection: ControlConnection
    ) {
        guard master.isPresent(worker, on: connection) else { return }
        if case .failed(let lease, let failure) = report {
            logger.notice(
                "attempt failed",
                metadata: [
                    "lease.id": "\(lease)", "worker.id": "\(worker)", "code": "\(failure.cause.code)",
                    "reason": "\(failure.reason)",
                ])
        }
        let (missing, refusal) = decide { $0.reported(report, by: worker, evidence, at: $1) }
        if let missing {
            logger.error(
                "a reported blob is missing", metadata: ["lease.id": "\(report.lease)", "blob": "\(missing.digest)"])
        }
        if let refusal {
            logger.warning(
                "a worker's report was refused",
                metadata: ["lease.id": "\(report.lease)", "worker.id": "\(worker)", "reason": "\(refusal)"])
        }
        reply(.done(WireDone()), stream: stream, on: connection)
    }

    func reply(_ body: WireControl.OneOf_Body, stream: UInt32, on connection: ControlConnection) {
        afterCommit { connection.send(body, stream: stream) }
    }
}

extension HeldLease {
    init(_ wire: WireHeldLease) throws(ProtocolViolation) {
        let (lease, started, progress) = try wire.validated()
        self.init(lease, isStarted: started, progress: progress)
    }
}

/// A connection is equal to itself only.
extension ControlConnection: Hashable {
    public static func == (left: ControlConnection, right: ControlConnection) -> Bool { left === right }
    public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
