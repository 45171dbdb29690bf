import JobModel
import Logging
import Protocol
import Scheduler
import Transport

/// One worker's control connection: registration, then its messages one by one, each durable before the next is read.
struct WorkerSession: Sendable {
    let connection: ControlConnection
    let loop: DecisionLoop
    let logger: Logger

    func run() async {
        var worker: WorkerID?
        do {
            for try await (stream, message) in connection.inbound {
                if let worker {
                    try await loop.perform { [connection] core in
                        try core.received(message, stream: stream, from: worker, on: connection)
                    }
                } else if case .register(let register) = message.body {
                    worker = try await loop.perform { [connection] core in
                        try core.register(register, on: connection, stream: stream)
                    }
                } else {
                    throw ProtocolViolation(
                        field: "Control.body", value: "a message before registration", allowed: "register first")
                }
            }
        } catch let refusal as SchedulerRefusal {
            logger.warning(
                "worker refused",
                metadata: [
                    "address": "\(connection.remoteAddress)", "code": "\(refusal.code)", "reason": "\(refusal)",
                ])
            connection.close(WireRefusal(refusal))
        } catch let violation as ProtocolViolation {
            logger.warning(
                "worker broke the protocol",
                metadata: ["address": "\(connection.remoteAddress)", "reason": "\(violation)"])
            connection.close(WireRefusal(code: "protocol", message: violation.description))
        } catch {
            logger.info(
                "worker connection ended", metadata: ["address": "\(connection.remoteAddress)", "reason": "\(error)"])
        }
        connection.close()
        if let worker {
            loop.post { [connection] core in core.disconnected(worker, connection) }
        }
    }
}

extension WireRefusal {
    init(_ refusal: SchedulerRefusal) {
        self.init(
            code: refusal.code, message: refusal.description, retryAfter: refusal.retryAfter)
    }
}
