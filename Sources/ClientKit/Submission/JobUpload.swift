public import JobModel
import MasterClient
import Names

/// A job while images are added to it.
///
/// Every step can be repeated without harm, after a lost connection and by another process with the same token: the token
/// finds the job again, the job says how many images it has, and blobs are named by their content. A job that is neither
/// sealed nor used for the master's `unsealed-timeout` is cancelled by the master.
public struct JobUpload: Sendable {
    /// Inputs that are sent at a time; one data connection carries one.
    public static let concurrentPutCount = 4
    /// The number of times a batch is sent when the master does not keep it.
    static let sendAttemptCount = 3

    /// The job when it was opened here, perhaps with images of an earlier upload with the same token.
    public let opened: OpenedJob
    private let session: MasterSession
    private let request: JobRequest
    private let attachments: [HashedInput]

    /// An input whose digest is known.
    public struct HashedInput: Sendable {
        public let input: any ImageInput
        public let blob: BlobReference

        /// - Parameter blob: what `input.reference()` returned.
        public init(_ input: any ImageInput, blob: BlobReference) {
            self.input = input
            self.blob = blob
        }
    }

    /// Opens the job, or finds the one that was opened with the same token.
    ///
    /// - Parameter attachments: what the request's pipeline names besides each image; see `AttachedFiles`. They are sent with the
    ///   first images, if the master lacks them.
    public init(
        opening request: JobRequest, attaching attachments: [HashedInput] = [], on session: MasterSession
    ) async throws {
        opened = try await session.perform { master in try await master.openJob(request) }
        self.session = session
        self.request = request
        self.attachments = attachments
    }

    public var job: JobID { opened.job }

    /// Sends the inputs that the master lacks, then adds `batch` to the job, where it is processed at once.
    /// - Parameters:
    ///   - batch: at most 256 inputs; equal ones are sent once.
    ///   - firstIndex: the position in the job of the first one: the number of images added before. Images that the job
    ///     has already are not added again.
    /// - Throws: `ClientError` with the code `source-changed` for an input that is no longer as it was hashed.
    public func add(_ batch: [HashedInput], at firstIndex: Int) async throws {
        guard !batch.isEmpty else { return }
        let images = batch.map { NewImage(name: OutputNaming.fitted($0.input.label), input: $0.blob) }
        let (opened, request) = (opened, request)
        var attempt = 1
        while true {
            try await sendMissing(attachments + batch)
            do {
                return try await session.perform { master, retry in
                    // The reply may have been lost after the images were added.
                    let known = try await retry == 0 ? opened.imageCount : master.openJob(request).imageCount
                    let rest = Array(images.dropFirst(max(0, known - firstIndex)))
                    if rest.isEmpty { return }
                    try await master.addImages(
                        rest, to: opened.job, firstIndex: UInt32(firstIndex + images.count - rest.count))
                }
            } catch let refusal as MasterRefusal where refusal.code == .blobMissing && attempt < Self.sendAttemptCount {
                // A blob that no image refers to yet may be removed when the master restarts.
                attempt += 1
            }
        }
    }

    /// Declares the job complete. When this returns, the job is accepted and survives the master.
    ///
    /// A caller that is cancelled while the master answers still gets the answer, if it comes within two seconds: without it,
    /// nobody knows whether the job is complete.
    /// - Parameter imageCount: all images that were added.
    public func seal(imageCount: Int) async throws {
        if opened.isSealed { return }
        let (job, request) = (job, request)
        try await session.perform { master, retry in
            if retry > 0, try await master.openJob(request).isSealed { return }
            try await finishing(within: .seconds(2)) {
                try await master.sealJob(job, imageCount: UInt32(imageCount))
            }
        }
    }

    /// Cancels the job, also when this task is cancelled: hence a task of its own, which ends within two seconds.
    /// - Returns: whether the master confirmed that the job is cancelled.
    public func abandon() async -> Bool {
        let (job, session) = (job, session)
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

    private func sendMissing(_ batch: [HashedInput]) async throws {
        let (job, digests) = (job, batch.map(\.blob.digest))
        let present = try await session.perform { try await $0.findBlobs(digests, for: job) }
        var missing: Set<BlobDigest> = []
        // In the order of the batch: the first images are the first to be worked on.
        let toSend = zip(batch, present).filter { !$1 && missing.insert($0.blob.digest).inserted }.map(\.0)
        try await forEach(toSend, atOnce: Self.concurrentPutCount) { try await put($0) }
    }

    private func put(_ hashed: HashedInput) async throws {
        let (input, blob) = (hashed.input, hashed.blob)
        let (job, request, session) = (job, request, session)
        let changed = ClientError(
            "source-changed", "'\(ShownText.of(input.label))' changed while it was sent; submit it again")
        do {
            try await input.withSource(of: blob) { source in
                try await session.perform { master, retry in
                    // The master hangs up on bytes that do not have the digest; that must not look like a lost master.
                    if retry > 0 {
                        guard try await input.reference() == blob else { throw changed }
                        // The job waits for its client: the client is back, on the new connection.
                        _ = try await master.openJob(request)
                    }
                    try await master.putBlob(source, digest: blob.digest, for: job)
                }
            }
        } catch let error as BlobTransferError {
            if error.code == .sourceChanged { throw changed }
            throw ClientError(error.code.rawValue, "cannot send '\(ShownText.of(input.label))': \(error.message)")
        }
    }
}

/// Runs `body` to its end, also when this task is cancelled: from there for at most `grace`.
private func finishing<Result: Sendable>(
    within grace: Duration, _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    let task = Task(operation: body)
    return try await withTaskCancellationHandler {
        try await task.value
    } onCancel: {
        Task {
            try? await Task.sleep(for: grace)
            task.cancel()
        }
    }
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
