import JobModel
import Logging
import MasterClient
import Protocol
import Retrying
import Transport
import WorkerMachine

/// Keeps the worker connected and registered: connects, registers, passes messages on, and starts again when the connection is
/// lost or the master is silent.
struct MasterLink: Sendable {
    let settings: WorkerSettings
    let dialer: Dialer
    let worker: Worker
    let logger: Logger

    /// Runs until cancelled.
    ///
    /// - Throws: `TransportError` when the master will never accept this worker: another secret, another version.
    func run() async throws {
        let start = ContinuousClock.now
        var state = MasterLinkState()
        var warning = RepeatedWarning()
        var random = SystemRandomNumberGenerator()
        while !Task.isCancelled {
            let failure: any Error
            do {
                let connection = try await dialer.openControlConnection()
                defer { connection.close() }
                state.authenticated()
                do {
                    try await converse(on: connection) {
                        state.registered()
                        warning.ended()
                    }
                } catch {
                    await worker.disconnected(connection)
                    throw error
                }
                await worker.disconnected(connection)
                failure = ConnectionClosed(.peer, "the master closed the connection")
            } catch is CancellationError {
                return
            } catch {
                failure = error
            }
            let (preparation, verdict) = state.ended(
                .init(failure), at: ContinuousClock.now - start, using: &random)
            switch preparation {
            case .none: break
            case .forgetNumber: await worker.numberTaken()
            case .dropLeases: await worker.leasesLost()
            }
            guard case .wait(let pause) = verdict else { throw failure }
            if let leftOutCount = warning.happened(ErrorText.of(failure), at: ContinuousClock.now - start) {
                var metadata: Logger.Metadata = [
                    "address": "\(settings.master)", "reason": "\(ErrorText.of(failure))",
                ]
                if leftOutCount > 0 { metadata["repetitions"] = "\(leftOutCount)" }
                logger.warning("no connection to the master; trying again", metadata: metadata)
            }
            try? await Task.sleep(for: pause)
        }
    }

    private func converse(on connection: ControlConnection, registered: () -> Void) async throws {
        var register = await worker.registration
        register.name = settings.name
        register.slotCount = UInt32(settings.slotCount)
        register.ranksPerSlot = UInt32(settings.ranksPerSlot)
        register.resultRevision = JobOptions.currentResultRevision
        connection.send(.register(register))

        let lastHeard = LastHeard()
        var isRegistered = false
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await giveUpSilent(connection, lastHeard) }
            defer { group.cancelAll() }
            for try await (stream, message) in connection.inbound {
                lastHeard.now()
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

    /// Closes the connection when nothing was heard for too long: the master answers every heartbeat.
    private func giveUpSilent(_ connection: ControlConnection, _ lastHeard: LastHeard) async throws {
        while true {
            let interval = await worker.heartbeatInterval
            try await Task.sleep(for: interval)
            if MasterLinkState.isSilent(lastHeard.silence, heartbeatInterval: interval) {
                let limit = interval * MasterLinkState.silenceLimit
                connection.giveUp("the master has answered no heartbeat for \(limit)")
            }
        }
    }
}

extension MasterLinkState.End {
    init(_ error: any Error) {
        switch (error as? ConnectionClosed)?.refusalCode {
        case .replaced: self = .replaced
        case .releaseDiffers: self = .releaseDiffers
        default: self = .lost(Persistence(of: error))
        }
    }
}
