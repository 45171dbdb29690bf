import Logging
import MasterClient
import DaemonSupport
import Settings
import SystemCalls
import Transport
import WorkerMachine

/// The errors of a worker whose worlds do not come up.
enum StartError {
    /// A mistake in the settings where it is one, so that nothing starts the worker again and again; else `error`, with
    /// what may be done about it.
    static func of(
        _ error: WorldError, _ settings: WorkerSettings, coreCount: Int = Machine.processorCount
    ) -> any Error {
        switch error {
        case .notLauncher(let reason):
            return SettingsError.usage(
                "--mpirun: \(reason); name Open MPI's mpirun, or install it: apt install openmpi-bin")
        case .notStarted(let reason, let tail):
            guard let advice = settings.startAdvice(coreCount: coreCount) else { return error }
            return WorldError.notStarted("\(reason): \(advice)", outputTail: tail)
        case .lost, .hung, .stopped: return error
        }
    }
}

/// The worker as a service: brings its worlds up, keeps the link to the master, works, and drains when told to stop.
struct WorkerService: Service {
    let settings: WorkerSettings
    let logger: Logger
    private let start = ContinuousClock.now

    init(settings: WorkerSettings, logger: Logger) {
        self.settings = settings
        self.logger = logger
    }

    func run() async throws {
        let notices = WorkerBoard()
        try await answeringMetrics(at: settings.metricsListen, of: notices, logger) { try await run(notices) }
    }

    private func run(_ notices: WorkerBoard) async throws {
        do {
            try OpenFileLimit.raise(slots: settings.slotCount, ranks: settings.ranksPerSlot)
        } catch {
            throw SettingsError.usage("\(error)")
        }
        guard let secretFile = settings.secretFile else {
            throw TransportError(.secretFile, settings.secretMissing)
        }
        let keyring = Keyring(try Secrets(file: secretFile))
        let memory = LinkMemory(file: settings.generationFile, logger: logger)
        let dialer = Dialer(
            to: settings.master, as: .worker, keyring: keyring, software: WorkerSettings.software,
            encryption: settings.encryption, limits: settings.transport, generations: memory, logger: logger)
        let transfer = BlobTransfer(dialer, connectionCount: min(32, settings.slotCount * 2 + 2))
        defer { transfer.close() }
        keyring.reload(from: secretFile, logger) { _ in transfer.closeIdle() }
        let notifier = ServiceNotifier()
        let worker = try Worker(
            settings: settings, transfer: transfer, notifier: notifier, notices: notices, logger: logger)
        guard try await startWorlds(of: worker) else {
            logger.info("worker stopped before its worlds were up")
            return
        }
        logger.info(
            "worlds are up", metadata: ["slots": "\(settings.slotCount)", "ranks": "\(settings.ranksPerSlot)"])
        await worker.tellOfSmallScratch()
        notifier.ready()

        let link = MasterLink(
            settings: settings, dialer: dialer, worker: worker, memory: memory,
            masterReplaced: { transfer.closeIdle() },
            logger: logger)
        // The link and the heart are the last to go: what a drain hands back has to be reported.
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await worker.run() }
            group.addTask { try await link.run() }
            group.addTask { try await beat(worker, notifier) }
            group.addTask { await worker.keepReady() }
            group.addTask {
                guard await isToldToStop(or: worker) else { return }
                notices.stops()
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
            do {
                if try await group.next() == true { return true }
            } catch let error as WorldError {
                throw StartError.of(error, settings)
            }
            await worker.stopWorlds()
            return false
        }
    }

    /// Waits until the worker is told to stop, or leaves by itself.
    /// - Returns: `false` when the task is cancelled first.
    private func isToldToStop(or worker: Worker) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                do { try await gracefulShutdown() } catch { return false }
                return true
            }
            group.addTask { await retires(worker) }
            defer { group.cancelAll() }
            return await group.next() ?? false
        }
    }

    /// Waits until the worker has to leave by itself.
    /// - Returns: `false` when the task is cancelled first.
    private func retires(_ worker: Worker) async -> Bool {
        var retirement = Retirement(
            lifetime: settings.lifetime, idleTimeout: settings.idleTimeout, drainTimeout: settings.drainTimeout,
            chance: .random(in: 0...1))
        while !Task.isCancelled {
            if let cause = retirement.cause(at: .now - start, isIdle: await worker.isIdle) {
                logger.notice("leaving", metadata: ["reason": "\(cause.rawValue)"])
                return true
            }
            try? await Task.sleep(for: .milliseconds(500))
        }
        return false
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
