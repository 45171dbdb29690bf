import BlobStore
import JobModel
import Logging
import NIOPosix
import Scheduler

/// Work that the decision loop starts and does not wait for; its outcome returns as an event.
enum BackgroundWork: Sendable {
    case assemble(Assembly)
    case sweepBlobs
    case findLostBlobs
    /// Carried out in the order of their starts.
    case store(StoreWork)
}

/// A change of the blob store's files; `PresentBlobs` explains their order.
enum StoreWork: Hashable, Sendable {
    case remove(BlobDigest)
    case confirmPut(BlobDigest)
    case setAside(BlobDigest)
}

/// A turn of the one task that changes the store's files.
private enum StoreStep: Sendable {
    case change(StoreWork)
    /// Something that is done between two changes.
    case pause(@Sendable () async -> Void)
}

/// Carries out what the loop started, a few at a time.
struct Background: Sendable {
    private let loop: DecisionLoop
    private let blobs: LocalBlobStore
    private let blockingWork: NIOThreadPool
    private let reserve: StorageReserve
    private let logger: Logger
    private let work: AsyncStream<BackgroundWork>
    private let workStarted: AsyncStream<BackgroundWork>.Continuation
    private let storeSteps: AsyncStream<StoreStep>
    private let storeStepsStarted: AsyncStream<StoreStep>.Continuation

    init(
        loop: DecisionLoop, blobs: LocalBlobStore, blockingWork: NIOThreadPool, reserve: StorageReserve, logger: Logger
    ) {
        self.loop = loop
        self.blobs = blobs
        self.blockingWork = blockingWork
        self.reserve = reserve
        self.logger = logger
        (work, workStarted) = AsyncStream.makeStream()
        (storeSteps, storeStepsStarted) = AsyncStream.makeStream()
    }

    func start(_ work: BackgroundWork) {
        if case .store(let change) = work { storeStepsStarted.yield(.change(change)) } else { workStarted.yield(work) }
    }

    /// Runs until cancelled. Assemblies beyond the pool's threads wait in it.
    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask {
                for await step in storeSteps {
                    switch step {
                    case .change(let change): await carryOut(change)
                    case .pause(let body): await body()
                    }
                }
            }
            for await work in work {
                group.addTask {
                    switch work {
                    case .assemble(let assembly): await assemble(assembly)
                    case .sweepBlobs: await sweep()
                    case .findLostBlobs: await findLostBlobs()
                    case .store(let change): preconditionFailure("\(change) would lose its place in the order")
                    }
                }
            }
        }
    }

    /// Runs blocking work while no file is removed from the store; removals that are due wait, and puts do not.
    /// - Throws: `CancellationError` when the master stops before the work has begun; what `body` throws.
    func whileNothingIsRemoved<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result
    {
        let (results, result) = AsyncThrowingStream.makeStream(of: Result.self)
        storeStepsStarted.yield(
            .pause {
                do {
                    result.yield(try await blockingWork.runIfActive { try body() })
                    result.finish()
                } catch {
                    result.finish(throwing: error)
                }
            })
        for try await result in results { return result }
        // The stream ends without an element only by cancellation.
        throw CancellationError()
    }

    // MARK: Assembly

    func assemble(_ assembly: Assembly) async {
        let image = assembly.image
        do {
            let result = try await assembleWhenThereIsSpace(assembly)
            loop.post { core in core.decide { $0.assembled(image, result: result, run: assembly.run, at: $1) } }
        } catch is CancellationError {
            // The master stops before the pool began: the image is assembled after the next start.
        } catch let error as BlobStoreError where error.code == .notFound {
            logger.error("segments were lost: the image starts over", metadata: ["image.id": "\(image)"])
            loop.post { core in core.decide { $0.segmentMissing(error.blob, of: image, run: assembly.run, at: $1) } }
        } catch let error as BlobStoreError where error.code == .damaged {
            guard !(await BlobWitness(loop: loop, blobs: blobs, blockingWork: blockingWork).tell(of: error)) else {
                return
            }
            // It was put again since. The image starts over with it, as with one that is gone.
            loop.post { core in core.decide { $0.segmentMissing(nil, of: image, at: $1) } }
        } catch let error as BlobStoreError where error.code == .syncFailed {
            loop.fail(error)
        } catch {
            logger.error("assembly failed", metadata: ["image.id": "\(image)", "error": "\(error)"])
            loop.post { core in core.decide { $0.assemblyFailed(image, reason: "\(error)", at: $1) } }
        }
    }

    /// A full disk is not the image's fault: it waits until there is space, or the master stops. The loop says so once for all.
    private func assembleWhenThereIsSpace(_ assembly: Assembly) async throws -> BlobReference {
        while true {
            do {
                return try await blockingWork.runIfActive { [blobs, reserve] in
                    let available = try blobs.availableByteCount()
                    guard available - min(available, reserve.journalByteCount) >= assembly.storageByteCount else {
                        throw BlobStoreError(.noSpace, "the result takes \(assembly.storageByteCount) bytes")
                    }
                    return try Assembler(blobs: blobs).assemble(assembly)
                }
            } catch let error as BlobStoreError where error.code == .noSpace {
                logger.debug(
                    "no space to put a result together",
                    metadata: ["image.id": "\(assembly.image)", "reason": "\(error)"])
                try await Task.sleep(for: StorageReserve.lookInterval)
            }
        }
    }

    // MARK: The store

    private func carryOut(_ change: StoreWork) async {
        do {
            try await blockingWork.runIfActive { [blobs, logger] in
                switch change {
                case .remove(let digest): try blobs.removeUnlessPutAgain(digest)
                case .confirmPut(let digest): blobs.confirmPut(digest)
                case .setAside(let digest):
                    let place = try blobs.setAsideUnlessPutAgain(digest)
                    logger.critical(
                        "a damaged blob was set aside",
                        metadata: ["blob": "\(digest)", "set-aside": "\(place ?? "it is gone already")"])
                }
            }
        } catch is CancellationError {
            // The master stops. A file that should have gone is found by a sweep after the next start.
        } catch {
            logger.warning(
                "a blob's file could not be changed", metadata: ["change": "\(change)", "error": "\(error)"])
        }
    }

    /// Looks for each running image's intermediate blobs, until one is missing. Readers detect a missing blob themselves; this
    /// scan finds those that are read only at assembly.
    private func findLostBlobs() async {
        do {
            try await blockingWork.runIfActive { [blobs, loop] in
                for image in loop.performBlocking({ $0.master.scheduler.runningImages() }) ?? [] {
                    let all = loop.performBlocking { $0.master.scheduler.intermediateBlobs(of: image) }
                    guard let all else { return }
                    guard let lost = all.first(where: { Self.isLost($0, in: blobs) }) else { continue }
                    loop.post { $0.intermediateMissed(lost, of: image) }
                }
            }
        } catch {
            // The master stops; the next start looks again.
            logger.debug("lost blobs are not looked for", metadata: ["reason": "\(error)"])
        }
    }

    /// Whether the blob is certain not to be there as it was put; any other error says nothing.
    private static func isLost(_ blob: BlobReference, in blobs: LocalBlobStore) -> Bool {
        do {
            _ = try blobs.open(blob)
            return false
        } catch {
            return error.code == .notFound || error.code == .damaged
        }
    }

    /// Has blobs removed to which nothing refers, and which are older than any upload under way can be.
    private func sweep() async {
        do {
            try await blockingWork.runIfActive { [blobs, loop] in
                try blobs.forEachOldBlob(olderThan: .seconds(3600)) { digests in
                    // Waits for the decision, so that the loop has one batch at a time.
                    loop.performBlocking { core in core.decide { master, _ in master.oldBlobsFound(digests) } } != nil
                }
            }
        } catch {
            logger.warning("unreferenced blobs could not be looked for", metadata: ["error": "\(error)"])
        }
    }
}
