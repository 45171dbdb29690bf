import JobModel
import Logging
import Protocol
import Scheduler
import Transport

/// One worker's control connection: registration, then messages one by one, each durable before the next is read.
struct WorkerSession: Sendable {
    let connection: ControlConnection
    let loop: DecisionLoop
    let logger: Logger

    func run() async {
        var worker: WorkerID?
        do {
            for try await (stream, message) in connection.inbound {
                try connection.peer.demandPermission(for: message)
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
                    "address": "\(connection.remoteAddress)", "code": "\(RefusalCode(refusal))", "reason": "\(refusal)",
                ])
            connection.close(WireRefusal(refusal))
        } catch let violation as ProtocolViolation {
            logger.warning(
                "worker broke the protocol",
                metadata: ["address": "\(connection.remoteAddress)", "reason": "\(violation)"])
            connection.close(WireRefusal(violation))
        } catch let error as NotPermitted {
            logger.warning(
                "worker asked for what it may not do",
                metadata: ["address": "\(connection.remoteAddress)", "reason": "\(error)"])
            connection.close(WireRefusal(error))
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
