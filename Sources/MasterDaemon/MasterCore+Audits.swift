import JobModel
import Logging
import MasterMachine

// What audits found, for the log: once it is durable, and before anything is sent.

extension MasterCore {
    func logFindings(_ records: [Record]) {
        for record in records {
            switch record {
            case .workerQuarantined(let worker, let name, let evidence, _):
                logger.error(
                    "worker quarantined: it, or an earlier run of it, computed another result than two others that agree",
                    metadata: [
                        "worker.id": "\(worker)", "name": "\(name)", "task.id": "\(evidence.task)",
                        "attempt": "\(evidence.attempt)", "release": "tessera release \(worker)",
                    ])
            case .imageWithdrawn(let image):
                let status = master.scheduler.imageStatus(image)
                logger.warning(
                    "image starts over: a worker that took part computes wrong results",
                    metadata: [
                        "image.id": "\(image)", "name": "\(status?.name ?? "")",
                        "withdrawn": "\(status?.withdrawn.map { "\($0)" } ?? "it was not done")",
                    ])
            case .imageCompleted(let image, let result, _):
                let replaced = master.scheduler.imageStatus(image)?.replaced
                guard let replaced, replaced != result.digest else { break }
                logger.error(
                    "a wrong result was replaced: copies that were fetched before are wrong",
                    metadata: ["image.id": "\(image)", "wrong": "\(replaced)", "right": "\(result.digest)"])
            case .imageFailed(let image, let failure, _) where failure.cause == .disputed:
                logger.error(
                    "workers disagree, and there is no other to decide",
                    metadata: ["image.id": "\(image)", "reason": "\(failure.reason)"])
            case .auditEnded(let task, let end):
                logger.notice(
                    "a task has no second opinion", metadata: ["task.id": "\(task)", "reason": "\(Self.reason(end))"])
            default: break
            }
        }
    }

    private static func reason(_ end: AuditEnd) -> String {
        switch end {
        case .noOtherWorker: "no other worker can compute it"
        case .failed: "the workers that were asked failed"
        case .noRoom: "the disk has no room for what they would store"
        }
    }
}
