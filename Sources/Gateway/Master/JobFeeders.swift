import ClientKit
import GatewayLogic
import GatewayStore
import JobModel
import Logging
import MasterClient
import Synchronization

/// Brings the images of open jobs from the spool to the master while others are still being uploaded, and declares each job
/// complete after its last image. A restart of the gateway, or of the master, continues where the one before ended.
final class JobFeeders: Sendable {
    /// An open job that waits for uploads is named to the master this often: it cancels jobs whose clients forgot them.
    private static let keepAliveInterval: Duration = .seconds(300)
    private static let concurrentPutCount = 4

    private let store: WebStore
    private let spool: Spool
    private let link: MasterLink
    private let logger: Logger
    private let starts: AsyncStream<UInt64>
    private let start: AsyncStream<UInt64>.Continuation
    private let wakes = Mutex<[UInt64: AsyncStream<Void>.Continuation]>([:])

    init(store: WebStore, spool: Spool, link: MasterLink, logger: Logger) {
        self.store = store
        self.spool = spool
        self.link = link
        self.logger = logger
        (starts, start) = AsyncStream.makeStream()
    }

    /// Feeds all open jobs, and those that are told by `feed`, until cancelled.
    func run() async throws {
        let store = store
        for job in try await offCooperativePool({ try store.openJobs() }) { feed(job.job) }
        await withDiscardingTaskGroup { group in
            for await job in starts { group.addTask { [self] in await keepFeeding(job) } }
        }
    }

    /// Something changed for a job: it is new, an upload of it ended, or its seal was asked for.
    func feed(_ job: UInt64) {
        let isNew = wakes.withLock { wakes in
            if let wake = wakes[job] {
                wake.yield()
                return false
            }
            return true
        }
        if isNew { start.yield(job) }
    }

    /// An upload ended in one way or another.
    func uploadEnded(_ upload: String) async {
        let store = store
        for job in (try? await offCooperativePool({ try store.openJobs(of: upload) })) ?? [] { feed(job) }
    }

    // MARK: One job

    private func keepFeeding(_ job: UInt64) async {
        let (woken, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let isFirst = wakes.withLock { wakes in
            guard wakes[job] == nil else { return false }
            wakes[job] = wake
            return true
        }
        guard isFirst else { return feed(job) }
        defer { wakes.withLock { _ = $0.removeValue(forKey: job) } }
        wake.yield()
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                while (try? await Task.sleep(for: Self.keepAliveInterval)) != nil { wake.yield() }
            }
            for await _ in woken {
                if await advance(job) { break }
            }
            group.cancelAll()
        }
    }

    /// Does all that can be done now.
    /// - Returns: whether the job needs nothing more.
    private func advance(_ job: UInt64) async -> Bool {
        while !Task.isCancelled {
            do {
                return try await feedOnce(job)
            } catch let problem as Problem where problem.status == 503 {
                await link.untilReachable()
                try? await Task.sleep(for: .milliseconds(500))
            } catch let problem as Problem {
                // The master does not take it: it was cancelled or forgotten.
                logger.warning("gave up feeding a job", metadata: ["job.id": "\(job)", "reason": "\(problem.detail)"])
                await end(job)
                return true
            } catch {
                logger.error("cannot feed a job", metadata: ["job.id": "\(job)", "reason": "\(error)"])
                try? await Task.sleep(for: .seconds(5))
            }
        }
        return true
    }

    /// - Returns: whether the job needs nothing more.
    private func feedOnce(_ job: UInt64) async throws -> Bool {
        let (store, id) = (store, JobID(job))
        var wasNamed = false
        while true {
            guard let (feed, images) = try await offCooperativePool({ try store.feed(of: job) }) else { return true }
            var machine = feed
            steps: while true {
                switch machine.step {
                case .place(let places):
                    try await offCooperativePool { try store.setPositions(places, of: job) }
                    machine.placed(places)
                case .add(let first, let ordinals):
                    let batch = ordinals.compactMap { images[$0] }
                    let added = try await send(batch, to: id)
                    try await link.perform { try await $0.addImages(added, to: id, firstIndex: first) }
                    try await offCooperativePool { try store.setAdded(ordinals, of: job) }
                    machine.added(first: first, ordinals: ordinals)
                    wasNamed = true
                    // What arrived during that is next.
                    break steps
                case .seal(let count):
                    try await link.perform { try await $0.sealJob(id, imageCount: count) }
                    try await offCooperativePool { try store.setPhase(.sealed, of: job) }
                    logger.info("sealed a job", metadata: ["job.id": "\(job)", "images": "\(count)"])
                    return true
                case .abandon:
                    logger.info("cancelled a job without images", metadata: ["job.id": "\(job)"])
                    try await link.perform { try await $0.cancel(id) }
                    await end(job)
                    return true
                case .wait:
                    // Naming the job is what keeps it open.
                    if !wasNamed { _ = try await link.perform { try await $0.findBlobs([Self.anyDigest], for: id) } }
                    return false
                case .done: return true
                }
            }
        }
    }

    private static let anyDigest: BlobDigest = {
        guard let digest = BlobDigest([UInt8](repeating: 0, count: 32)) else {
            preconditionFailure("a digest has 32 bytes")
        }
        return digest
    }()

    /// Gives the master the bytes of images that it does not have.
    private func send(_ images: [FedImage], to job: JobID) async throws -> [NewImage] {
        let store = store
        let files = try await offCooperativePool {
            try images.map { image in try store.upload(image.upload) }
        }
        var blobs: [BlobReference] = []
        for (image, record) in zip(images, files) {
            guard let record, let file = record.file, let digest = BlobDigest(HexText.bytes(file.digest) ?? []) else {
                throw Problem.wrongState("upload \(image.upload) of job \(job) is gone")
            }
            blobs.append(BlobReference(digest: digest, byteCount: record.offset))
        }
        let digests = blobs.map(\.digest)
        let present = try await link.perform { try await $0.findBlobs(digests, for: job) }
        let missing = zip(zip(images, blobs), present).filter { !$1 }.map { $0.0 }
        var rest = missing[...]
        while !rest.isEmpty {
            let part = rest.prefix(Self.concurrentPutCount)
            rest = rest.dropFirst(Self.concurrentPutCount)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (image, blob) in part {
                    group.addTask { [self] in try await put(image.upload, blob, for: job) }
                }
                try await group.waitForAll()
            }
        }
        return zip(images, blobs).map { NewImage(name: $0.name, input: $1) }
    }

    private func put(_ upload: String, _ blob: BlobReference, for job: JobID) async throws {
        guard let file = spool.reading(upload) else {
            throw Problem.wrongState("the file of upload \(upload) of job \(job) is gone")
        }
        // A transfer takes as long as it takes.
        try await link.with { session in
            try await session.perform { master in
                _ = try await master.putBlob(
                    .file(descriptor: file.number, byteCount: blob.byteCount), digest: blob.digest, for: job)
            }
        }
        withExtendedLifetime(file) {}
    }

    private func end(_ job: UInt64) async {
        let store = store
        try? await offCooperativePool { try store.setPhase(.ended, of: job) }
    }
}
