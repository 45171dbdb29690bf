import DaemonSupport
import JobModel
import Logging
import MasterClient
import SystemCalls
import Protocol
import Synchronization
import Transport
import WorkerMachine

/// Performs what the `LeaseBoard` decides: the one owner of the worker's leases, worlds and connection to the master.
actor Worker {
    var board: LeaseBoard
    private let runner: TaskRunner
    let worlds: [World]
    let scratch: WorldDirectory
    let settings: WorkerSettings
    /// Bytes in the scratch directory for the tasks of one slot.
    let slotScratchByteCount: UInt64
    /// Removes what a killed worker leaves, as long as this process holds the other end.
    private let sweeper: OwnedDescriptor?
    let notifier: ServiceNotifier
    let logger: Logger
    /// Where those who watch the worker look.
    let notices: WorkerBoard
    var readiness = Readiness()
    var activity = WorkerActivity()
    /// How often the worker's directory was made again, and how often it had been when each lease's files were fetched.
    var restorationCount = 0
    var restorationsBefore: [LeaseID: Int] = [:]

    var identifier: WorkerID?
    /// The interval that the master gave last.
    var heartbeatInterval = Duration.milliseconds(500)
    /// Whether all work has ended and the worlds are stopped.
    private(set) var isFinished = false
    var connection: ControlConnection?
    var grants = GrantAssembly()
    /// Ends the work of a lease early.
    private var cancellations: [LeaseID: AsyncStream<Never>.Continuation] = [:]
    var progress: [LeaseID: LeaseProgress] = [:]
    var occupiedSlots: [LeaseID: Int] = [:]
    private let works: AsyncStream<Work>
    private let startWork: AsyncStream<Work>.Continuation
    var idleWaiters: [CheckedContinuation<Void, Never>] = []
    /// Steps of leases that were started and have not ended, those included that were called off.
    var workCount = 0
    var restWaiters: [CheckedContinuation<Void, Never>] = []

    /// One step of a lease's life, run as a child task.
    private struct Work: Sendable {
        enum Step: Sendable {
            case fetch
            case run(slot: Int)
        }
        let lease: LeaseID
        let spec: TaskSpec
        let step: Step
        let cancelled: AsyncStream<Never>
    }

    init(
        settings: WorkerSettings, transfer: BlobTransfer, notifier: ServiceNotifier, notices: WorkerBoard,
        logger: Logger
    ) throws {
        self.settings = settings
        self.notices = notices
        self.notifier = notifier
        board = LeaseBoard(slotCount: settings.slotCount)
        WorldDirectory.sweep(settings.scratchDirectory)
        scratch = try WorldDirectory(in: settings.scratchDirectory)
        slotScratchByteCount = try ScratchSpace(of: settings.scratchDirectory)
            .taskByteCount(slotCount: settings.slotCount, ranksPerSlot: settings.ranksPerSlot)
        sweeper = ScratchSweeper.start(settings.scratchDirectory)
        worlds = try (0..<settings.slotCount).map { _ in
            try World(
                WorldConfiguration(
                    rankCount: settings.ranksPerSlot, rankExecutable: settings.rankExecutable, mpirun: settings.mpirun,
                    baseDirectory: settings.scratchDirectory, memoryByteCount: settings.slotMemoryByteCount,
                    rankAddressSpaceByteCount: settings.rankByteCount))
        }
        runner = TaskRunner(blobs: RetryingBlobTransfer(transfer: transfer, logger: logger))
        self.logger = logger
        (works, startWork) = AsyncStream.makeStream()
    }

    /// Starts all worlds. An error here is a misconfiguration: no mpirun, no rank program, no shared memory.
    ///
    /// - Throws: the first error, when all worlds have ended; `WorldError.stopped` after `stopWorlds`.
    func startWorlds() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for world in worlds { group.addTask { try await world.start() } }
            do {
                while try await group.next() != nil {}
            } catch {
                await stopWorlds()
                throw error
            }
        }
    }

    /// Ends all worlds, also those that are just starting, permanently.
    func stopWorlds() async {
        await withDiscardingTaskGroup { group in
            for world in worlds { group.addTask { await world.stop() } }
        }
    }

    /// Memory that the task of a slot may take: what the settings say, or less where the scratch directory is small.
    var offeredByteCount: UInt64 {
        min(settings.slotMemoryByteCount, ScratchSpace.worldByteCount + slotScratchByteCount)
    }

    /// Says so when the scratch directory, not the memory, decides how images are cut.
    func tellOfSmallScratch() {
        guard slotScratchByteCount < ScratchSpace.usualTaskByteCount, offeredByteCount < settings.slotMemoryByteCount
        else { return }
        logger.warning(
            "the scratch directory is small: images are cut into chunks that fit",
            metadata: [
                "scratch-dir": "\(settings.scratchDirectory)", "slots": "\(settings.slotCount)",
                "have": "\(Bytes.text(slotScratchByteCount)) for a slot",
                "need": "\(Bytes.text(ScratchSpace.usualTaskByteCount)) for chunks of 16M: \(ScratchSpace.advice)",
            ])
    }

    /// Runs the leases' work until `finish()`.
    func run() async {
        await withDiscardingTaskGroup { group in
            for await work in works {
                group.addTask { await self.perform(work) }
            }
        }
        await stopWorlds()
        isFinished = true
    }

    func finish() { startWork.finish() }

    // MARK: Performing

    func perform(_ actions: [LeaseBoard.Action]) {
        for action in actions {
            switch action {
            case .fetch(let lease, let spec):
                restorationsBefore[lease] = restorationCount
                start(.fetch, lease, spec)
            case .run(let lease, let spec, let slot): start(.run(slot: slot), lease, spec)
            case .abandon(let lease):
                restorationsBefore[lease] = nil
                // Work in progress removes the files itself when it ends.
                if let cancellation = cancellations.removeValue(forKey: lease) {
                    cancellation.finish()
                } else {
                    files(of: lease).remove()
                }
            case .clear(let lease):
                restorationsBefore[lease] = nil
                files(of: lease).remove()
            case .send(let number, let report):
                // Without a connection the report waits on the board.
                connection?.send(WireControl(report), stream: number)
            }
        }
        if board.isIdle { releaseIdleWaiters() }
    }

    private func start(_ step: Work.Step, _ lease: LeaseID, _ spec: TaskSpec) {
        let (cancelled, cancellation) = AsyncStream.makeStream(of: Never.self)
        cancellations[lease] = cancellation
        let result = startWork.yield(Work(lease: lease, spec: spec, step: step, cancelled: cancelled))
        // After the end of all work nothing is begun any more.
        if case .terminated = result { return }
        workCount += 1
    }

    private func workEnded() {
        workCount -= 1
        guard workCount == 0 else { return }
        for waiter in restWaiters { waiter.resume() }
        restWaiters = []
    }

    func files(of lease: LeaseID) -> LeaseFiles { LeaseFiles(lease, in: scratch.filesPath) }

    private func perform(_ work: Work) async {
        defer { workEnded() }
        let lease = work.lease
        let files = files(of: lease)
        switch work.step {
        case .fetch:
            do {
                let start = ContinuousClock.now
                try await cancellable(work) { try await self.fetch(work.spec, of: lease, into: files) }
                activity.fetching.add(.now - start)
                ended(lease)
                perform(board.fetched(lease))
            } catch {
                ended(lease)
                let failure = await failure(error, of: lease, slot: nil)
                note(failure, of: lease)
                perform(board.failed(lease, slot: nil, failure))
            }
        case .run(let slot): await run(work, slot: slot, files)
        }
        // The lease was taken away while the work ran: its files are not needed any more.
        if board.phase(of: lease) == nil { files.remove() }
    }

    /// Fetches the lease's inputs. Where only the files of other leases are in the way, waits for their end.
    private func fetch(_ spec: TaskSpec, of lease: LeaseID, into files: LeaseFiles) async throws {
        while true {
            do {
                if try scratch.restore() { noteRestored() }
                return try await runner.fetch(spec, into: files)
            } catch let error as LeaseFileError where error.missingByteCount > 0 && hasFiles(besides: lease) {
                files.remove()
                try await Task.sleep(for: .milliseconds(250))
            }
        }
    }

    private func note(_ failure: Failure, of lease: LeaseID) {
        activity.ends[failure.cause, default: 0] += 1
        guard failure.cause != .cancelled else { return }
        logger.warning(
            "task failed",
            metadata: ["lease.id": "\(lease)", "code": "\(failure.cause.code)", "reason": "\(failure.reason)"])
    }

    private func run(_ work: Work, slot: Int, _ files: LeaseFiles) async {
        let lease = work.lease
        let progress = LeaseProgress()
        self.progress[lease] = progress
        occupiedSlots[lease] = slot
        let start = ContinuousClock.now
        do {
            let output = try await cancellable(work) { [runner, world = worlds[slot]] in
                let computed = try await runner.compute(
                    work.spec, files, in: world,
                    onBand: { index, blob in await self.bandUploaded(lease, index, blob) },
                    onProgress: { progress.set($0) })
                // The slot takes the next task while this one's outputs travel.
                await self.computed(lease, in: .now - start)
                return try await runner.upload(computed, of: work.spec, from: files)
            }
            ended(lease)
            readiness.taskComputed()
            activity.doneCount += 1
            perform(board.finished(lease, output))
        } catch {
            ended(lease)
            let failure = await failure(error, of: lease, slot: slot)
            note(failure, of: lease)
            perform(board.failed(lease, slot: occupiedSlots.removeValue(forKey: lease), failure))
        }
    }

    private func computed(_ lease: LeaseID, in duration: Duration) {
        activity.computing.add(duration)
        guard let slot = occupiedSlots.removeValue(forKey: lease) else { return }
        perform(board.computed(lease, slot: slot))
    }

    private func ended(_ lease: LeaseID) {
        cancellations[lease] = nil
        progress[lease] = nil
    }

    private func bandUploaded(_ lease: LeaseID, _ index: UInt32, _ blob: BlobReference) {
        perform(board.bandUploaded(lease, index: index, blob: blob))
    }

    /// Runs `body` until it ends or the lease is taken away.
    private nonisolated func cancellable<Result: Sendable>(
        _ work: Work, _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                for await _ in work.cancelled {}
                return nil
            }
            defer { group.cancelAll() }
            // The stream ends when the lease is taken away, or with this group's cancellation.
            guard let result = try await group.next() ?? nil else {
                group.cancelAll()
                while let late = try await group.next() {
                    if let late { return late }
                }
                throw CancellationError()
            }
            return result
        }
    }
}

/// The share of a lease that is done, from 0 to 1: set by its world's thread, read by heartbeats.
final class LeaseProgress: Sendable {
    private let share = Mutex(0.0)
    var value: Double { share.withLock { $0 } }
    func set(_ value: Double) { share.withLock { $0 = value } }
}
