import JobModel
import MasterMachine
import Protocol
import Scheduler
import Transport

// What is done once a turn is durable.

extension MasterCore {
    func perform(_ action: ShellAction<ControlConnection>) {
        switch action {
        case .grant(let lease, let spec, let worker, let connection):
            logger.debug("lease granted", metadata: ["lease.id": "\(lease)", "worker.id": "\(worker)"])
            for message in WireGrantLease.messages(lease: lease, spec: spec) { connection?.send(message) }
        case .revoke(let lease, let worker, let connection, let reason):
            logger.debug(
                "lease revoked",
                metadata: ["lease.id": "\(lease)", "worker.id": "\(worker)", "reason": "\(reason.code)"])
            connection?.send(
                .revokeLease(
                    .with {
                        $0.lease = lease.wire
                        $0.reason = reason.code
                    }))
        case .tellWatchers(let job):
            if let summary = master.scheduler.jobSummary(job), !summary.state.isFinal {
                watchers.changed(job)
            } else {
                tell(watchers.ended(job), of: job)
            }
        case .closeSilent(let worker, let connection):
            logger.warning("worker declared dead", metadata: ["worker.id": "\(worker)"])
            connection?.close(
                WireRefusal(.silent, "no heartbeat came for \(settings.scheduler.deadAfter)"))
        case .assemble(let assembly): launch(.assemble(assembly))
        case .removeBlob(let digest): launch(.store(.remove(digest)))
        case .confirmPut(let digest): launch(.store(.confirmPut(digest)))
        case .setAside(let digest): launch(.store(.setAside(digest)))
        case .findLostBlobs: launch(.findLostBlobs)
        case .sweepBlobs: launch(.sweepBlobs)
        }
    }
}
