import Logging
import MasterClient
import DaemonSupport
import Settings
import Transport

/// The worker as a service: brings its worlds up, keeps the link to the master, works, and drains when told to stop.
struct WorkerService: Service {
    let settings: WorkerSettings
    let logger: Logger

    func run() async throws {
        do {
            try OpenFileLimit.raise(slots: settings.slotCount, ranks: settings.ranksPerSlot)
        } catch {
            throw SettingsError.usage("\(error)")
        }
        guard let secretFile = settings.secretFile else {
            throw TransportError(.secretFile, settings.secretMissing)
        }
        let secret = try SharedSecret(file: secretFile)
        let dialer = Dialer(
            to: settings.master, as: .worker, secret: secret, software: WorkerSettings.software,
            limits: settings.transport, logger: logger)
        let transfer = BlobTransfer(dialer, connectionCount: min(32, settings.slotCount * 2 + 2))
        defer { transfer.close() }
        let notifier = ServiceNotifier()
        let worker = try Worker(settings: settings, transfer: transfer, notifier: notifier, logger: logger)
        guard try await startWorlds(of: worker) else {
            logger.info("worker stopped before its worlds were up")
            return
        }
        logger.info(
            "worlds are up", metadata: ["slots": "\(settings.slotCount)", "ranks": "\(settings.ranksPerSlot)"])
        await worker.tellOfSmallScratch()
        notifier.ready()

        let link = MasterLink(settings: settings, dialer: dialer, worker: worker, logger: logger)
        // The link and the heart are the last to go: what a drain hands back has to be reported.
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await worker.run() }
            group.addTask { try await link.run() }
            group.addTask { try await beat(worker, notifier) }
            group.addTask { await worker.keepReady() }
            group.addTask {
                do {
                    try await gracefulShutdown()
                } catch {
                    return
                }
                notifier.stopping()
                await worker.drain(timeout: settings.drainTimeout)
                await worker.finish()
            }
            defer { group.cancelAll() }
            do {
                // `worker.run` and the drain end in order; whatever else ends first ends by an error.
                while !(await worker.isFinished) { try await group.next() }
            } catch {
                await worker.finish()
                group.cancelAll()
                while await worker.isFinished == false { _ = try? await group.next() }
                throw error
            }
        }
        logger.info("worker stopped")
    }

    /// Brings the worlds up.
    ///
    /// - Returns: `false` when the worker was told to stop before they were; then all of their processes have ended.
    private func startWorlds(of worker: Worker) async throws -> Bool {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await worker.startWorlds()
                return true
            }
            group.addTask {
                try await gracefulShutdown()
                return false
            }
            defer { group.cancelAll() }
            if try await group.next() == true { return true }
            await worker.stopWorlds()
            return false
        }
    }

    /// A heartbeat as often as the master wants it, connected or not; the same loop feeds the watchdog.
    private func beat(_ worker: Worker, _ notifier: ServiceNotifier) async throws {
        while !Task.isCancelled {
            await worker.beat()
            notifier.watchdogPing()
            try await Task.sleep(for: await worker.heartbeatInterval)
        }
    }
}
