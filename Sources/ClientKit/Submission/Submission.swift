import JobModel
import MasterClient
import Protocol
import Synchronization

/// Brings files into a job: hashes them, sends those that the master does not have, adds them, and seals the job.
///
///     files --> hash --> find --> put what is missing --> add        (batch k)
///                         hash --> ...                                (batch k + 1, meanwhile)
///
/// What is asked twice after a lost connection changes nothing: the token finds the job again, and the job says how many
/// images it has.
struct Submission: Sendable {
    /// Files that are sent at a time; one data connection carries one.
    static let concurrentPutCount = 4
    /// Files that are hashed at a time.
    static let concurrentHashCount = 2
    /// How often a batch is sent when the master does not keep it.
    static let sendAttemptCount = 3

    let session: MasterSession
    let request: WireOpenJob
    let files: [InputFile]
    let progress: ProgressReporter

    /// What became of the files.
    struct Outcome: Sendable {
        let job: JobID
        /// Files that could be read once but not again.
        let complaints: [InputComplaint]
    }

    /// Which file each image of the job is; images are numbered in the order in which files could be read.
    final class ImageSources: Sendable {
        private let positions = Mutex<[Int]>([])

        var count: Int { positions.withLock { $0.count } }

        /// The position in `files` of the job's image `index`; `nil` when no such image was added by this command.
        func position(of index: UInt32) -> Int? {
            positions.withLock { $0.indices.contains(Int(index)) ? $0[Int(index)] : nil }
        }

        fileprivate func append(_ added: [Int]) { positions.withLock { $0 += added } }
    }

    private typealias HashedFile = (position: Int, blob: BlobReference)
    private typealias HashedBatch = (files: [HashedFile], complaints: [InputComplaint])

    /// - Parameters:
    ///   - sources: filled while images are added, before the master can know them.
    ///   - begun: told the job's number once results can be expected: when the first of several batches was added, or
    ///     when the job is complete.
    /// - Throws: on cancellation the job, which is not complete, is cancelled, and `SubmissionInterrupted` says so.
    func run(sources: ImageSources, begun: @Sendable (JobID) -> Void) async throws -> Outcome {
        let openedJob = Mutex<JobID?>(nil)
        do {
            return try await send(sources: sources, begun: begun) { job in openedJob.withLock { $0 = job } }
        } catch {
            guard let job = openedJob.withLock({ $0 }) else { throw error }
            let isCancelled = await abandon(job)
            if Task.isCancelled || error is CancellationError {
                throw SubmissionInterrupted(job: job, isJobCancelled: isCancelled)
            }
            throw error
        }
    }

    private func send(
        sources: ImageSources, begun: @Sendable (JobID) -> Void, opened: @Sendable (JobID) -> Void
    ) async throws -> Outcome {
        var batches = UploadBatches(byteCounts: files.map(\.byteCount))
        let first = batches.next()
        async let firstHashed = hash(first)
        let request = request
        let job = try await session.perform { master in try await master.openJob(request).job }
        opened(job)
        progress.update { progress in
            progress.job = job.rawValue
            progress.imageCount = files.count
        }

        var upcoming = try await firstHashed
        var complaints: [InputComplaint] = []
        while let batch = upcoming {
            let following = batches.next()
            async let next = hash(following)
            complaints += batch.complaints
            try await add(batch.files, to: job, sources: sources)
            if following != nil { begun(job) }
            let left = complaints.count
            progress.update { $0.imageCount = files.count - left }
            upcoming = try await next
        }
        let imageCount = UInt32(sources.count)
        guard imageCount > 0 else {
            throw ClientError("no-input", "none of the files could be read: there is nothing to do")
        }
        try await session.perform { master, retry in
            if retry > 0, try await master.openJob(request).isSealed { return }
            try await master.sealJob(job, imageCount: imageCount)
        }
        begun(job)
        return Outcome(job: job, complaints: complaints)
    }

    /// Sends what the master lacks of a batch, then adds the batch to the job.
    private func add(_ batch: [HashedFile], to job: JobID, sources: ImageSources) async throws {
        guard !batch.isEmpty else { return }
        let firstIndex = sources.count
        let images: [NewImage] = batch.map { (files[$0.position].label, $0.blob) }
        sources.append(batch.map(\.position))
        let request = request
        var attempt = 1
        while true {
            try await sendMissing(batch, for: job)
            do {
                try await session.perform { master, retry in
                    // The reply may have been lost after the images were taken.
                    let known = retry > 0 ? Int(try await master.openJob(request).imageCount) : firstIndex
                    let rest = Array(images.dropFirst(max(0, known - firstIndex)))
                    if rest.isEmpty { return }
                    try await master.addImages(
                        rest, to: job, firstIndex: UInt32(firstIndex + images.count - rest.count))
                }
                break
            } catch let refusal as MasterRefusal where refusal.code == .blobMissing && attempt < Self.sendAttemptCount {
                // A blob that nothing refers to yet may be thrown away when the master restarts.
                attempt += 1
            }
        }
        let sent = sources.count
        progress.update { $0.imagesSent = sent }
    }

    private func sendMissing(_ batch: [HashedFile], for job: JobID) async throws {
        let digests = batch.map(\.blob.digest)
        let present = try await session.perform { try await $0.findBlobs(digests, for: job) }
        var missing: Set<BlobDigest> = []
        // In the order of the command line: the first images are the first to be worked on. Equal files are sent once.
        let toSend = zip(batch, present).filter { !$1 && missing.insert($0.blob.digest).inserted }.map(\.0)
        try await forEach(toSend, atOnce: Self.concurrentPutCount) { try await put($0, for: job) }
    }

    private func put(_ hashed: HashedFile, for job: JobID) async throws {
        let input = files[hashed.position]
        let request = request
        let file = try input.opened()
        defer { file.close() }
        let changed = ClientError(
            "source-changed", "'\(input.label)' changed while it was sent; submit it again")
        do {
            try await session.perform { master, retry in
                // The master hangs up on bytes that do not have the digest; that must not look like a lost master.
                if retry > 0 {
                    let now = try await offCooperativePool { try input.hashed() }
                    guard now == hashed.blob else { throw changed }
                    // The job waits for its client: say that it is back, on the new connection.
                    _ = try await master.openJob(request)
                }
                try await master.putBlob(hashed.blob, for: job, from: file)
            }
        } catch let error as BlobTransferError {
            if error.code == .sourceChanged { throw changed }
            throw ClientError(error.code.rawValue, "cannot send '\(input.label)': \(error.message)")
        }
    }

    private func hash(_ positions: Range<Int>?) async throws -> HashedBatch? {
        guard let positions else { return nil }
        let found = Mutex<(files: [HashedFile], complaints: [InputComplaint])>(([], []))
        try await forEach(Array(positions), atOnce: Self.concurrentHashCount) { position in
            let file = files[position]
            let result = try await offCooperativePool { Result { () throws(ClientError) in try file.hashed() } }
            found.withLock { found in
                switch result {
                case .success(let blob): found.files.append((position, blob))
                case .failure(let error): found.complaints.append(InputComplaint(label: file.label, error: error))
                }
            }
        }
        return found.withLock { ($0.files.sorted { $0.position < $1.position }, $0.complaints) }
    }

    /// Cancels a job that is not complete, also when this task is cancelled: hence a task of its own, which ends soon.
    /// - Returns: whether the master said that it is cancelled.
    private func abandon(_ job: JobID) async -> Bool {
        let session = session
        return await Task {
            await withTaskGroup(of: Bool.self) { group in
                group.addTask {
                    do {
                        try await session.perform { try await $0.cancel(job) }
                        return true
                    } catch {
                        return false
                    }
                }
                group.addTask {
                    try? await Task.sleep(for: .seconds(2))
                    return false
                }
                let isCancelled = await group.next() ?? false
                group.cancelAll()
                return isCancelled
            }
        }.value
    }
}

/// The command was interrupted before its job was complete.
struct SubmissionInterrupted: Error {
    let job: JobID
    /// Whether the master confirmed that the job is cancelled.
    let isJobCancelled: Bool
}

/// Runs `body` for each element, at most `limit` at a time, in order of their start; the first error ends it.
func forEach<Element: Sendable>(
    _ elements: [Element], atOnce limit: Int, _ body: @escaping @Sendable (Element) async throws -> Void
) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        for (index, element) in elements.enumerated() {
            if index >= limit { try await group.next() }
            group.addTask { try await body(element) }
        }
        try await group.waitForAll()
    }
}
