import BlobStore
import Dispatch
import JobModel
import Journal
import Logging
import NIOCore
import NIOPosix
import DaemonSupport
import Scheduler
import Settings
import Synchronization
import SystemCalls
import Transport

/// The master as a service: opens the state, serves connections, and ends when told to or when the journal fails.
struct MasterService: Service {
    /// For the journal, event loops, blobs and a handful of connections.
    private static let leastOpenFileCount = 64

    let settings: MasterSettings
    let logger: Logger

    func run() async throws {
        let counts = SessionCounts()
        let board = MasterBoard(refusals: counts.refusals, stateDirectory: settings.stateDirectory)
        try await answeringMetrics(at: settings.metricsListen, of: board, logger) {
            try await run(counts, board)
        }
    }

    private func run(_ counts: SessionCounts, _ board: MasterBoard) async throws {
        let fileLimit = ThisProcess.raiseOpenFileLimit()
        guard fileLimit >= Self.leastOpenFileCount else {
            throw SettingsError.usage(
                "at most \(fileLimit) files may be open, and a master needs \(Self.leastOpenFileCount), and one more for each "
                    + "connection: raise the limit (ulimit -Hn, LimitNOFILE= in the unit)")
        }
        if fileLimit < settings.transport.connections {
            logger.warning(
                "fewer files may be open than connections; raise LimitNOFILE or ulimit -n",
                metadata: ["files": "\(fileLimit)", "max-connections": "\(settings.transport.connections)"])
        }
        let keyring = Keyring(try settings.secretFile.secrets(stateDirectory: settings.stateDirectory, logger))
        try StateCheck(directory: settings.stateDirectory).demandWholeRestore()
        let journal = try Journal(
            directory: settings.stateDirectory, checkpointPageCount: settings.checkpointPageCount)
        if journal.isMarkMissing {
            logger.error(
                "the file 'acknowledged' is missing or damaged: whether the journal's end is complete cannot be told",
                metadata: [
                    "state-dir": "\(settings.stateDirectory)", "records": "\(journal.recordCount)",
                    "way out": "compare the newest jobs with what clients were told; the file is made again now",
                ])
        }
        // A store that is gone would only show when somebody fetches.
        try StateCheck(directory: settings.stateDirectory).demandBlobs(recordCount: journal.recordCount)
        let blobs = try LocalBlobStore(path: settings.stateDirectory + "/blobs")
        _ = try blobs.removeIncoming()
        let blockingWork = NIOThreadPool(numberOfThreads: max(4, System.coreCount * 2))
        blockingWork.start()

        let uploads = UploadBudget(limit: settings.maximumQueuedByteCount)
        let loop = DecisionLoop()
        let background = Background(
            loop: loop, blobs: blobs, blockingWork: blockingWork,
            reserve: StorageReserve(byteCount: settings.minimumFreeByteCount), logger: logger)
        let notifier = ServiceNotifier()
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                // Serving begins when the journal is replayed; replay needs the thread that owns the state.
                let (replayed, replay) = AsyncThrowingStream.makeStream(of: Void.self)
                group.addTask {
                    try await onOwnThread("decisions") {
                        try decide(
                            loop, journal: journal, blobs: blobs, uploads: uploads, counts: counts, board: board,
                            background: background, notifier: notifier
                        ) {
                            replay.finish()
                        }
                    }
                }
                let backups = BackupServer(
                    stateDirectory: settings.stateDirectory,
                    frozen: FrozenState(stateDirectory: settings.stateDirectory, journal: journal, blobs: blobs),
                    background: background, blockingWork: blockingWork, logger: logger)
                group.addTask {
                    // The end of one ends neither the other nor the master.
                    async let backedUp: Void = backups.run()
                    await background.run()
                    await backedUp
                }
                group.addTask {
                    await watchStorage(loop: loop, journal: journal, blobs: blobs, blockingWork: blockingWork)
                }
                group.addTask {
                    for try await _ in replayed {}
                    try await serve(
                        keyring: keyring, generation: journal.generation, loop: loop, blobs: blobs, uploads: uploads,
                        counts: counts, board: board, blockingWork: blockingWork, notifier: notifier)
                }
                group.addTask {
                    try? await gracefulShutdown()
                    board.stops()
                    notifier.stopping()
                    loop.stop()
                }
                // The decision loop ends first, when told to or by a failure; everything else is then cancelled.
                defer { replay.finish() }
                try await group.next()
                group.cancelAll()
            }
        } catch {
            try? await blockingWork.shutdownGracefully()
            throw error
        }
        try await blockingWork.shutdownGracefully()
        try journal.close()
        logger.info("master stopped")
    }

    /// Replays the journal and runs the loop, on its own thread.
    private func decide(
        _ loop: DecisionLoop, journal: Journal, blobs: LocalBlobStore, uploads: UploadBudget, counts: SessionCounts,
        board: MasterBoard, background: Background, notifier: ServiceNotifier, replayed: () -> Void
    ) throws {
        // The listing of the store runs beside the replay.
        let listing = BlockingResult { try blobs.list() }
        let core = try MasterCore(
            journal: journal, present: listing.get, uploads: uploads, counts: counts,
            // Written at every turn, so only where somebody can read it.
            board: settings.metricsListen == nil ? nil : board, settings: settings, logger: logger
        ) { work in
            background.start(work)
        }
        // Before the first task is granted, and so that a disk without room is said at the start.
        if let available = try? blobs.availableByteCount() { core.storageMeasured(available: available) }
        replayed()
        try loop.run(core) { _ = notifier.watchdogPing() }
    }

    /// Tells the loop the free space once a second, until cancelled.
    private func watchStorage(
        loop: DecisionLoop, journal: Journal, blobs: LocalBlobStore, blockingWork: NIOThreadPool
    ) async {
        while !Task.isCancelled {
            try? await Task.sleep(for: StorageReserve.lookInterval)
            // A disk that cannot be asked for the moment is asked again.
            guard let available = try? await blockingWork.runIfActive({ try blobs.availableByteCount() }) else {
                continue
            }
            loop.post { $0.storageMeasured(available: available) }
            await keepLock(of: journal, blockingWork)
        }
    }

    private func keepLock(of journal: Journal, _ blockingWork: NIOThreadPool) async {
        do {
            guard try await blockingWork.runIfActive({ try journal.keepLock() }) else { return }
            logger.error(
                "the lock file of the state directory was removed; it is made and locked again",
                metadata: ["file": "\(settings.stateDirectory)/lock"])
        } catch let error as JournalError {
            logger.critical(
                "the lock file of the state directory was removed, and cannot be locked again",
                metadata: ["reason": "\(error)"])
        } catch {
            // The master stops.
        }
    }

    private func serve(
        keyring: Keyring, generation: Generation, loop: DecisionLoop, blobs: LocalBlobStore, uploads: UploadBudget,
        counts: SessionCounts, board: MasterBoard, blockingWork: NIOThreadPool, notifier: ServiceNotifier
    ) async throws {
        let desk = SecretDesk(keyring: keyring, roster: ConnectionRoster())
        keyring.reload(from: settings.secretFile.path, logger) { _ in desk.closeRetired(logger) }
        let listener: MasterListener
        do {
            listener = try await MasterListener.bind(
                to: settings.listen,
                Acceptor(
                    keyring: keyring, encryption: settings.encryption, software: MasterSettings.software,
                    generation: generation, limits: settings.transport, logger: logger, count: counts.connections,
                    roster: desk.roster))
        } catch let error as TransportError where error.code == .badEndpoint {
            throw SettingsError.usage("--listen: \(error.message)")
        }
        let address = Endpoint(host: settings.listen.host, port: listener.localPort)
        logger.info(
            "master serves",
            metadata: [
                "address": "\(address)", "bound": "\(listener.localAddress)", "state-dir": "\(settings.stateDirectory)",
                "generation": "\(generation)",
            ])
        if let file = settings.addressFile {
            do {
                // For a program that connects.
                let host = address.host == Endpoint.everyAddress ? "127.0.0.1" : address.host
                try replaceFile(at: file, with: Array("\(Endpoint(host: host, port: address.port))\n".utf8))
            } catch {
                throw AddressFileError(file: file, reason: ErrorText.of(error))
            }
        }
        notifier.ready()
        board.serves()
        let admission = Admission(
            blobs: blobs, limits: settings.scheduler.planLimits, decoding: settings.decoding)
        try await listener.run { incoming in
            switch incoming {
            case .control(let connection):
                switch connection.peer.role {
                case .worker:
                    await WorkerSession(
                        connection: connection, loop: loop, examiner: ReportExaminer(blobs: blobs),
                        blockingWork: blockingWork, refusals: counts.refusals, logger: logger
                    ).run()
                case .client:
                    await ClientSession(
                        connection: connection, loop: loop, admission: admission, desk: desk,
                        blockingWork: blockingWork, limits: settings.transport, refusals: counts.refusals,
                        logger: logger
                    ).run()
                }
            case .data(let connection):
                await DataSession(
                    connection: connection, loop: loop, blobs: blobs, blockingWork: blockingWork, uploads: uploads,
                    transfers: counts.transfers, refusals: counts.refusals,
                    minimumFreeByteCount: settings.minimumFreeByteCount, logger: logger
                ).run()
            }
        }
    }
}

/// A program that waits for the address would wait forever, so the master does not start.
private struct AddressFileError: Error, CustomStringConvertible {
    let file: String
    let reason: String
    var description: String { "the address file \(file) cannot be written: \(reason)" }
}

/// The result of blocking work that has a thread of its own.
private final class BlockingResult<Success: Sendable>: Sendable {
    private let result = Mutex<Result<Success, any Error>?>(nil)
    private let isDone = DispatchSemaphore(value: 0)

    init(_ body: @escaping @Sendable () throws -> Success) {
        startThread { [self] in
            let outcome = Result { try body() }
            result.withLock { $0 = outcome }
            isDone.signal()
        }
    }

    /// Waits for the result. To be called once: the caller gets the only copy.
    func get() throws -> Success {
        isDone.wait()
        guard let result = result.withLock({ $0.take() }) else { preconditionFailure("the result was taken before") }
        return try result.get()
    }
}

/// Runs blocking work on a thread of its own, for as long as it takes.
private func onOwnThread(_ name: String, _ body: @escaping @Sendable () throws -> Void) async throws {
    try await withCheckedThrowingContinuation { continuation in
        startThread(name: name, stackByteCount: 8 << 20) { continuation.resume(with: Result { try body() }) }
    }
}
