public import JobModel
import Synchronization

/// Brings inputs into a job: hashes them, sends those that the master does not have, adds them, and seals the job.
///
///     inputs --> hash --> find --> put what is missing --> add        (batch k)
///                         hash --> ...                                (batch k + 1, at the same time)
///
/// A program that does not have all inputs at once uses `JobUpload`, of which this is made.
public struct Submission: Sendable {
    /// Inputs that are hashed at a time.
    static let concurrentHashCount = 2

    let session: MasterSession
    let request: JobRequest
    let inputs: [any ImageInput]
    let attachments: [JobUpload.HashedInput]

    /// - Parameter attachments: what the request's pipeline names besides each image; see `AttachedFiles`.
    public init(
        _ inputs: [any ImageInput], as request: JobRequest, attaching attachments: [JobUpload.HashedInput] = [],
        session: MasterSession
    ) {
        self.inputs = inputs
        self.attachments = attachments
        self.request = request
        self.session = session
    }

    /// What became of the inputs.
    public struct Outcome: Sendable {
        public let job: JobID
        /// Images of the job.
        public let imageCount: Int
        /// Inputs that could not be read.
        public let complaints: [InputComplaint]
    }

    /// The input of each image of the job; images are numbered in the order in which inputs could be read.
    public final class ImageSources: Sendable {
        private let positions = Mutex<[Int]>([])

        public init() {}

        public var count: Int { positions.withLock { $0.count } }

        /// The position among the inputs of the job's image `index`; `nil` when the submission added no such image.
        public func position(of index: UInt32) -> Int? {
            positions.withLock { $0.indices.contains(Int(index)) ? $0[Int(index)] : nil }
        }

        fileprivate func append(_ added: [Int]) { positions.withLock { $0 += added } }
    }

    private typealias HashedInput = (position: Int, blob: BlobReference)
    private typealias HashedBatch = (inputs: [HashedInput], complaints: [InputComplaint])

    /// Submits the inputs.
    /// - Parameters:
    ///   - sources: filled while images are added, before the master can know them.
    ///   - observe: is told of every step.
    /// - Returns: what became of the inputs, also when the caller was cancelled after it had declared the job complete.
    /// - Throws: `SubmissionInterrupted` on cancellation before that: the job is cancelled; `ClientError` with the code `no-input` when no input could be read, or `source-changed`; as `MasterSession.perform`. The job is
    ///   cancelled after every error.
    public func run(
        sources: ImageSources = ImageSources(), observe: @Sendable (SubmissionEvent) -> Void = { _ in }
    ) async throws -> Outcome {
        let openedUpload = Mutex<JobUpload?>(nil)
        do {
            return try await send(sources: sources, observe: observe) { upload in
                openedUpload.withLock { $0 = upload }
            }
        } catch {
            guard let upload = openedUpload.withLock({ $0 }) else { throw error }
            let isCancelled = await upload.abandon()
            if Task.isCancelled || error is CancellationError {
                throw SubmissionInterrupted(job: upload.job, isJobCancelled: isCancelled)
            }
            throw error
        }
    }

    private func send(
        sources: ImageSources, observe: @Sendable (SubmissionEvent) -> Void, opened: @Sendable (JobUpload) -> Void
    ) async throws -> Outcome {
        var batches = UploadBatches(byteCounts: inputs.map { $0.byteCount })
        let first = batches.next()
        async let firstHashed = hash(first)
        var request = request
        if request.expectedImageCount == 0 { request.expectedImageCount = inputs.count }
        let upload = try await JobUpload(opening: request, attaching: attachments, on: session)
        opened(upload)
        observe(.opened(upload.job, imageCount: inputs.count))

        var upcoming = try await firstHashed
        var complaints: [InputComplaint] = []
        while let batch = upcoming {
            let following = batches.next()
            async let next = hash(following)
            complaints += batch.complaints
            let firstIndex = sources.count
            sources.append(batch.inputs.map(\.position))
            try await upload.add(
                batch.inputs.map { JobUpload.HashedInput(inputs[$0.position], blob: $0.blob) }, at: firstIndex)
            observe(.added(imageCount: sources.count, of: inputs.count - complaints.count))
            if following != nil { observe(.begun(upload.job)) }
            upcoming = try await next
        }
        guard sources.count > 0 else {
            throw ClientError("no-input", "none of the files could be read: there is nothing to do")
        }
        try await upload.seal(imageCount: sources.count)
        observe(.begun(upload.job))
        return Outcome(job: upload.job, imageCount: sources.count, complaints: complaints)
    }

    private func hash(_ positions: Range<Int>?) async throws -> HashedBatch? {
        guard let positions else { return nil }
        let found = Mutex<HashedBatch>(([], []))
        try await forEach(Array(positions), atOnce: Self.concurrentHashCount) { position in
            let input = inputs[position]
            do {
                let blob = try await input.reference()
                found.withLock { $0.inputs.append((position, blob)) }
            } catch {
                if error is CancellationError { throw error }
                found.withLock { $0.complaints.append(InputComplaint(label: input.label, error: ClientError(error))) }
            }
        }
        return found.withLock { ($0.inputs.sorted { $0.position < $1.position }, $0.complaints) }
    }
}

/// A step of a submission.
public enum SubmissionEvent: Sendable, Hashable {
    /// The master opened the job, which will have up to that many images.
    case opened(JobID, imageCount: Int)
    /// The images that were added so far, and all that the job will have.
    case added(imageCount: Int, of: Int)
    /// Results can be expected: the first of several batches was added, or the job is complete. Told more than once.
    case begun(JobID)
}

/// The caller was cancelled before its job was complete.
public struct SubmissionInterrupted: Error, Hashable {
    public let job: JobID
    /// Whether the master confirmed that the job is cancelled.
    public let isJobCancelled: Bool

    public init(job: JobID, isJobCancelled: Bool) {
        self.job = job
        self.isJobCancelled = isJobCancelled
    }
}
