import JobModel
import Logging
import MasterClient
import Protocol
import Transport

/// Keeps the worker connected and registered: connects, registers, passes messages on, and starts over when the
/// connection is lost or the master falls silent.
struct MasterLink: Sendable {
    /// Without a reply to so many heartbeats, the connection is taken for half-open and made anew.
    static let silenceLimit = 10

    let settings: WorkerSettings
    let secret: SharedSecret
    let worker: Worker
    let logger: Logger

    /// Runs until cancelled.
    ///
    /// - Throws: `TransportError` when the master will never take this worker: another secret, another version.
    func run() async throws {
        var backoff = Backoff()
        var wasConnected = false
        while !Task.isCancelled {
            do {
                let connection = try await connectControl(
                    to: settings.master, role: .worker, secret: secret, software: WorkerSettings.software,
                    limits: settings.transport, logger: logger)
                defer { connection.close() }
                do {
                    try await converse(on: connection) {
                        backoff.reset()
                        wasConnected = true
                    }
                } catch {
                    await worker.disconnected(connection)
                    throw error
                }
                await worker.disconnected(connection)
                logger.warning("the master closed the connection", metadata: ["address": "\(settings.master)"])
            } catch let error as TransportError where error.isFinal && !wasConnected {
                throw error
            } catch is CancellationError {
                return
            } catch {
                switch (error as? ConnectionClosed)?.refusalCode {
                case "replaced": await worker.numberTaken()
                case "release-differs": await worker.leasesLost()
                default: break
                }
                logger.warning(
                    "no connection to the master", metadata: ["address": "\(settings.master)", "reason": "\(error)"])
            }
            var random = SystemRandomNumberGenerator()
            try? await Task.sleep(for: backoff.next(using: &random))
        }
    }

    private func converse(on connection: ControlConnection, registered: () -> Void) async throws {
        var register = await worker.registration
        register.name = settings.name
        register.slotCount = UInt32(settings.slotCount)
        register.ranksPerSlot = UInt32(settings.ranksPerSlot)
        register.slotMemoryBytes = settings.slotMemoryByteCount
        register.resultRevision = JobOptions.currentResultRevision
        register.coreCount = UInt32(WorkerSettings.availableCoreCount)
        connection.send(.register(register))

        let (heard, hear) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        var isRegistered = false
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await watch(heard, connection) }
            defer { group.cancelAll() }
            for try await (stream, message) in connection.inbound {
                hear.yield()
                if case .registered(let reply) = message.body {
                    try await worker.registered(reply, on: connection)
                    logger.info(
                        "registered",
                        metadata: [
                            "worker.id": "w\(reply.worker)", "master": "\(settings.master)",
                            "dropped": "\(reply.dropped.count)",
                        ])
                    isRegistered = true
                    registered()
                } else if isRegistered {
                    try await worker.received(message, stream: stream)
                } else if case .refused(let refusal) = message.body {
                    throw MasterRefusal(refusal)
                }
            }
        }
    }

    /// Closes the connection when nothing has been heard for too long: every heartbeat is answered.
    private func watch(_ heard: AsyncStream<Void>, _ connection: ControlConnection) async throws {
        let lastHeard = LastHeard()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for await _ in heard { lastHeard.now() }
            }
            group.addTask {
                while true {
                    let interval = await worker.heartbeatInterval
                    try await Task.sleep(for: interval)
                    if lastHeard.silence > interval * Self.silenceLimit {
                        connection.giveUp("the master has answered no heartbeat for \(interval * Self.silenceLimit)")
                    }
                }
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }
}

extension TransportError {
    /// Whether trying again can not help until somebody changes a setting.
    var isFinal: Bool {
        switch code {
        case .badSecret, .version, .badRole, .secretFile, .badEndpoint: true
        case .refused, .unreachable, .protocolViolation, .handshakeTimeout, .closed, .tooManyConnections, .cannotBind,
            .other:
            false
        }
    }
}
