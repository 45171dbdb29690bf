import BlobStore
import JobModel
import Logging
import NIOPosix
import Scheduler

/// Carries out what the loop started and does not wait for, a few at a time, and reports the outcome as an event.
struct Background: Sendable {
    private let loop: DecisionLoop
    private let blobs: FolderBlobStore
    private let blockingWork: NIOThreadPool
    private let logger: Logger
    private let orders: AsyncStream<MasterCore.BackgroundWork>
    private let order: AsyncStream<MasterCore.BackgroundWork>.Continuation

    init(loop: DecisionLoop, blobs: FolderBlobStore, blockingWork: NIOThreadPool, logger: Logger) {
        self.loop = loop
        self.blobs = blobs
        self.blockingWork = blockingWork
        self.logger = logger
        (orders, order) = AsyncStream.makeStream()
    }

    func start(_ work: MasterCore.BackgroundWork) { order.yield(work) }

    /// Runs until cancelled. Assemblies beyond the pool's threads wait in it.
    func run() async {
        await withDiscardingTaskGroup { group in
            for await work in orders {
                group.addTask {
                    switch work {
                    case .assemble(let assembly): await assemble(assembly)
                    case .sweepBlobs: await sweep()
                    case .findLostBlobs: await findLostBlobs()
                    }
                }
            }
        }
    }

    func assemble(_ assembly: Assembly) async {
        do {
            let result = try await assembleWhenThereIsSpace(assembly)
            loop.post { core in
                _ = core.pin(result.digest)
                core.scheduler.imageAssembled(assembly.image, result: result, at: core.now, into: &core.decision)
            }
        } catch is CancellationError {
            // The master stops before the pool came to it: no fault of the image, which is assembled after the next start.
        } catch let error as BlobStoreError where error.code == .notFound {
            logger.error("segments were lost: the image starts over", metadata: ["image.id": "\(assembly.image)"])
            loop.post { core in
                core.scheduler.blobsLost(of: assembly.image, at: core.now, into: &core.decision)
            }
        } catch let error as BlobStoreError where error.code == .damaged {
            loop.post { $0.blobFailed(error) }
        } catch let error as BlobStoreError where error.code == .syncFailed {
            loop.fail(error)
        } catch {
            logger.error(
                "assembly failed", metadata: ["image.id": "\(assembly.image)", "error": "\(error)"])
            loop.post { core in
                core.scheduler.assemblyFailed(
                    assembly.image, reason: "\(error)", at: core.now, into: &core.decision)
            }
        }
    }

    /// A full disk is no fault of the image: it waits until there is space, or the master stops.
    private func assembleWhenThereIsSpace(_ assembly: Assembly) async throws -> BlobReference {
        while true {
            do {
                return try await blockingWork.runIfActive { [blobs] in try Assembler(blobs: blobs).assemble(assembly) }
            } catch let error as BlobStoreError where error.code == .noSpace {
                logger.warning(
                    "no space to put a result together",
                    metadata: ["image.id": "\(assembly.image)", "reason": "\(error)"])
                try await Task.sleep(for: StorageReserve.retryAfter)
            }
        }
    }

    /// Looks for each running image's intermediate blobs, until one is missing. Who needs a lost blob before it is found here
    /// finds it himself: this is for those that are needed only at the end.
    private func findLostBlobs() async {
        do {
            try await blockingWork.runIfActive { [blobs, loop] in
                for image in loop.performBlocking({ $0.scheduler.runningImages() }) ?? [] {
                    guard let all = loop.performBlocking({ $0.scheduler.intermediateBlobs(of: image) }) else { return }
                    guard let lost = all.first(where: { isLost($0, in: blobs) }) else { continue }
                    loop.post { $0.intermediateMissed(image, lost) }
                }
            }
        } catch {
            // The master stops; the next start looks again.
            logger.debug("lost blobs are not looked for", metadata: ["reason": "\(error)"])
        }
    }

    /// Removes blobs that nobody refers to and that are older than any upload in progress can be.
    private func sweep() async {
        do {
            let removed = try await blockingWork.runIfActive { [blobs, loop] in
                try blobs.sweep(olderThan: .seconds(3600)) { digest in
                    loop.performBlocking { !$0.mayDelete(digest) } ?? true
                }
            }
            guard removed.blobCount > 0 else { return }
            logger.info(
                "unreferenced blobs removed",
                metadata: ["blobs": "\(removed.blobCount)", "bytes": "\(removed.byteCount)"])
        } catch {
            logger.warning("unreferenced blobs could not be looked for", metadata: ["error": "\(error)"])
        }
    }
}
