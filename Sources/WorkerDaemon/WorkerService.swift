import Logging
import MasterClient
import DaemonSupport
import Transport

/// The worker as a service: brings its worlds up, keeps the link to the master, works, and drains when told to stop.
struct WorkerService: Service {
    let settings: WorkerSettings
    let logger: Logger

    func run() async throws {
        guard let secretFile = settings.secretFile else {
            throw TransportError(.secretFile, settings.secretMissing)
        }
        let secret = try SharedSecret(file: secretFile)
        let dialer = Dialer(
            to: settings.master, as: .worker, secret: secret, software: WorkerSettings.software,
            limits: settings.transport, logger: logger)
        let transfer = BlobTransfer(dialer, connectionCount: min(32, settings.slotCount * 2 + 2))
        defer { transfer.close() }
        let worker = try Worker(settings: settings, transfer: transfer, logger: logger)
        let notifier = ServiceNotifier()
        try await worker.startWorlds()
        logger.info(
            "worlds are up", metadata: ["slots": "\(settings.slotCount)", "ranks": "\(settings.ranksPerSlot)"])
        notifier.ready()

        let link = MasterLink(settings: settings, dialer: dialer, worker: worker, logger: logger)
        // The link and the heart are the last to go: what a drain hands back has to be reported.
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await worker.run() }
            group.addTask { try await link.run() }
            group.addTask { try await beat(worker, notifier) }
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

    /// A heartbeat as often as the master wants it, connected or not; the same loop feeds the watchdog.
    private func beat(_ worker: Worker, _ notifier: ServiceNotifier) async throws {
        while !Task.isCancelled {
            await worker.beat()
            notifier.watchdogPing()
            try await Task.sleep(for: await worker.heartbeatInterval)
        }
    }
}
