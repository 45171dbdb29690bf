import BlobStore
import JobModel
import Logging
import NIOPosix
import Protocol
import Scheduler
import Transport

/// One worker's control connection: registration, then messages one by one, each durable before the next is read.
///
/// A report whose blobs have to be read is examined beside the messages that follow: however large a result is, the worker's
/// heartbeats are heard.
struct WorkerSession: Sendable {
    let connection: ControlConnection
    let loop: DecisionLoop
    let examiner: ReportExaminer
    let blockingWork: NIOThreadPool
    let refusals: RefusalCount
    let logger: Logger

    /// Reports that are examined at a time. The next message waits for one of them: a worker has rarely more slots.
    private static let maximumExaminations = 64

    func run() async {
        var worker: WorkerID?
        do {
            worker = try await register()
            if let worker { try await converse(as: worker) }
        } catch let refusal as SchedulerRefusal {
            logger.warning(
                "worker refused",
                metadata: [
                    "address": "\(connection.remoteAddress)", "code": "\(RefusalCode(refusal))", "reason": "\(refusal)",
                ])
            close(WireRefusal(refusal))
        } catch let violation as ProtocolViolation {
            logger.warning(
                "worker broke the protocol",
                metadata: ["address": "\(connection.remoteAddress)", "reason": "\(violation)"])
            close(WireRefusal(violation))
        } catch let error as NotPermitted {
            logger.warning(
                "worker asked for what it may not do",
                metadata: ["address": "\(connection.remoteAddress)", "reason": "\(error)"])
            close(WireRefusal(error))
        } catch {
            logger.info(
                "worker connection ended",
                metadata: ["address": "\(connection.remoteAddress)", "reason": "\(ErrorText.ofEnd(error))"])
        }
        connection.close()
        if let worker {
            loop.post { [connection] core in core.disconnected(worker, connection) }
        }
    }

    private func close(_ refusal: WireRefusal) {
        refusals.refused(refusal.refusalCode)
        connection.close(refusal)
    }

    /// - Returns: `nil` when the connection ended before.
    private func register() async throws -> WorkerID? {
        for try await (stream, message) in connection.inbound {
            try connection.peer.demandPermission(for: message)
            guard case .register(let register) = message.body else {
                throw ProtocolViolation(
                    field: "Control.body", value: "a message before registration", allowed: "register first")
            }
            return try await loop.perform { [connection] core in
                try core.register(register, on: connection, stream: stream)
            }
        }
        return nil
    }

    private func converse(as worker: WorkerID) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            var examinationCount = 0
            for try await (stream, message) in connection.inbound {
                try connection.peer.demandPermission(for: message)
                guard let report = try WorkerReport(message) else {
                    try await loop.perform { [connection] core in
                        try core.received(message, stream: stream, from: worker, on: connection)
                    }
                    continue
                }
                let content = try await loop.ask { $0.expectedContent(of: report) }
                if content == nil {
                    try await pass(report, as: nil, stream, from: worker)
                } else {
                    if examinationCount == Self.maximumExaminations {
                        try await group.next()
                        examinationCount -= 1
                    }
                    group.addTask { try await pass(report, as: content, stream, from: worker) }
                    examinationCount += 1
                }
            }
        }
    }

    /// Looks at the report's blobs, and hands both to the loop.
    private func pass(
        _ report: WorkerReport, as content: ReportedContent?, _ stream: UInt32, from worker: WorkerID
    ) async throws {
        let evidence: ReportEvidence
        do {
            evidence = try await blockingWork.runIfActive { [examiner] in try examiner.examine(report, as: content) }
        } catch let error as BlobStoreError {
            // After a failed sync it is unknown what the disk has: as for the journal, the master ends.
            if error.code == .syncFailed { loop.fail(error) }
            let witness = BlobWitness(loop: loop, blobs: examiner.blobs, blockingWork: blockingWork)
            await witness.tell(of: error)
            evidence = ReportEvidence(
                byteCounts: Dictionary(report.blobs.map { ($0.digest, $0.byteCount) }) { first, _ in first },
                content: content, objection: "the master cannot read it: \(error)")
        }
        try await loop.perform { [connection] core in
            core.reported(report, evidence, stream: stream, from: worker, on: connection)
        }
    }
}

extension WorkerReport {
    /// The report in a message of a worker; `nil` when the message is not one.
    init?(_ message: WireControl) throws(ProtocolViolation) {
        switch message.body {
        case .bandPublished(let message):
            let (lease, band, blob) = try message.validated()
            self = .band(lease, index: band, blob: blob)
        case .taskFinished(let message):
            let (lease, output) = try message.validated()
            self = .finished(lease, output)
        case .taskFailed(let message):
            let (lease, failure) = try message.validated()
            self = .failed(lease, failure)
        default: return nil
        }
    }
}
