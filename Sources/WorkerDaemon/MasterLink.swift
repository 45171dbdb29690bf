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
    let memory: LinkMemory
    /// Called when the worker has come to a master of another state: what serves no transfer is of the former one.
    let masterReplaced: @Sendable () -> Void
    let logger: Logger

    /// Runs until cancelled.
    ///
    /// - Throws: `TransportError` when the master will never accept this worker: another secret, another version.
    func run() async throws {
        var warning = RepeatedWarning()
        var random = SystemRandomNumberGenerator()
        while !Task.isCancelled {
            let failure: any Error
            do {
                try await use(try await dialer.openControlConnection())
                failure = ConnectionClosed(.peer, "the master closed the connection")
            } catch is CancellationError {
                return
            } catch {
                failure = error
            }
            if memory.takeRegistrations() { warning.ended() }
            let (preparation, verdict) = memory.withLink {
                $0.ended(.init(failure), at: memory.elapsed, using: &random)
            }
            switch preparation {
            case .none: break
            case .forgetNumber: await worker.numberTaken()
            case .dropLeases: await worker.leasesLost()
            }
            guard case .wait(let pause) = verdict else { throw failure }
            if let leftOutCount = warning.happened(ErrorText.of(failure), at: memory.elapsed) {
                var metadata: Logger.Metadata = [
                    "address": "\(settings.master)", "reason": "\(ErrorText.of(failure))",
                ]
                if leftOutCount > 0 { metadata["repetitions"] = "\(leftOutCount)" }
                logger.warning("no connection to the master; trying again", metadata: metadata)
            }
            try? await Task.sleep(for: pause)
        }
    }

    /// Works over the connection until it ends. When the secret changes, a connection by the new one takes its place: the worker
    /// registers on that before this one is closed, so that the master never sees it without a connection and its leases stay.
    private func use(_ connection: ControlConnection) async throws {
        var connection = connection
        var former: ControlConnection?
        defer {
            connection.close()
            former?.close()
        }
        do {
            while let next = try await converse(on: connection, insteadOf: former) {
                former = connection
                connection = next
            }
        } catch {
            await disconnected(connection, former)
            throw error
        }
        await disconnected(connection, former)
    }

    /// The worker is told of both: it uses the former connection until it is registered on the other.
    private func disconnected(_ connection: ControlConnection, _ former: ControlConnection?) async {
        await worker.disconnected(connection)
        if let former { await worker.disconnected(former) }
    }

    /// - Parameter former: is closed when the worker is registered.
    /// - Returns: a connection by a new secret; `nil` when the master closed this one.
    private func converse(
        on connection: ControlConnection, insteadOf former: ControlConnection?
    ) async throws -> ControlConnection? {
        if memory.takeStartOver() {
            masterReplaced()
            await worker.startOver()
        }
        var register = await worker.registration
        register.name = settings.name
        register.slotCount = UInt32(settings.slotCount)
        register.ranksPerSlot = UInt32(settings.ranksPerSlot)
        register.resultRevision = JobOptions.currentResultRevision
        connection.send(.register(register))

        let lastHeard = LastHeard()
        return try await withThrowingTaskGroup(of: ControlConnection?.self) { group in
            group.addTask {
                try await giveUpSilent(connection, lastHeard)
                return nil
            }
            group.addTask { try await successor(of: connection) }
            group.addTask {
                try await listen(to: connection, lastHeard) {
                    former?.close()
                    memory.registered()
                }
                return nil
            }
            let first = await group.nextResult()
            group.cancelAll()
            // A connection by a new secret that was made while this one ended has no use.
            while let late = await group.nextResult() {
                if case .success(let connection?) = late { connection.close() }
            }
            return try first?.get() ?? nil
        }
    }

    /// Passes the master's messages on until the connection ends.
    private func listen(
        to connection: ControlConnection, _ lastHeard: LastHeard, registered: @Sendable () -> Void
    ) async throws {
        var isRegistered = false
        for try await (stream, message) in connection.inbound {
            lastHeard.now()
            if case .registered(let reply) = message.body {
                try await worker.registered(reply, on: connection)
                logger.info(
                    "registered",
                    metadata: [
                        "worker.id": "w\(reply.worker)", "master": "\(dialer.master)",
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

    /// Waits until the secret changes, and connects by the new one. As long as the master does not accept it, the connection by
    /// the former one stays.
    private func successor(of connection: ControlConnection) async throws -> ControlConnection {
        try await dialer.keyring.waitUntilReplaced(connection.secret)
        let start = ContinuousClock.now
        var warning = RepeatedWarning()
        var retries = Retries(.newSecret)
        var random = SystemRandomNumberGenerator()
        while true {
            let failure: TransportError
            do {
                return try await dialer.openControlConnection()
            } catch let error as TransportError {
                failure = error
                if warning.happened(error.message, at: ContinuousClock.now - start) != nil {
                    logger.warning(
                        "the master takes no connection by the new secret yet; the one by the former secret stays",
                        metadata: ["address": "\(settings.master)", "reason": "\(error.message)"])
                }
            }
            guard case .wait(let pause) = retries.failed(failure, at: .now - start, using: &random) else {
                throw failure
            }
            try await Task.sleep(for: pause)
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
