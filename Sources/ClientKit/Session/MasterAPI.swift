public import JobModel
public import MasterClient

/// The requests that a client makes of a master: over the network by `MasterConnection`, in a test by a model of a master.
///
/// Every method throws `MasterRefusal` when the master declines, and `ConnectionClosed` or `TransportError` when it cannot
/// be asked; then it is not known whether the request was carried out. Every request can be made twice without harm.
public protocol MasterAPI: Sendable {
    // MARK: Submitting

    /// Opens a job, or finds the one that was opened with the same token.
    func openJob(_ request: JobRequest) async throws -> OpenedJob
    /// Adds images to an open job; the master must have their inputs.
    /// - Parameter firstIndex: the position in the job of the first of `images`: the number of images added before.
    func addImages(_ images: [NewImage], to job: JobID, firstIndex: UInt32) async throws
    /// Declares a job complete. When this returns, the job is accepted and survives the master.
    /// - Parameter imageCount: all images that were added.
    func sealJob(_ job: JobID, imageCount: UInt32) async throws
    /// Stops a job; results that are done are kept.
    func cancel(_ job: JobID) async throws

    /// Forgets a job that has ended, with its results.
    func forget(_ job: JobID) async throws

    // MARK: Blobs

    /// Looks up blobs by their digests.
    /// - Parameter job: the open job that the blobs are for, if any: the master then keeps those that it has at least
    ///   until the job is complete.
    /// - Returns: for each digest whether the master has the blob.
    func findBlobs(_ digests: [BlobDigest], for job: JobID?) async throws -> [Bool]
    /// Stores the bytes of `source`.
    /// - Parameters:
    ///   - digest: the SHA-256 of the bytes where it is known; other bytes are refused then.
    ///   - job: as for `findBlobs`.
    /// - Returns: the digest and size of what was sent.
    /// - Throws: `BlobTransferError` when the source changed or the bytes arrived damaged.
    @discardableResult
    func putBlob(_ source: BlobSource, digest: BlobDigest?, for job: JobID?) async throws -> BlobReference
    /// Gives the bytes of a slice to `target`, checked against their digest when this returns.
    func getBlob(_ slice: BlobSlice, into target: BlobTarget) async throws

    // MARK: Watching

    /// The job as it is now.
    func job(_ job: JobID) async throws -> JobSummary
    /// Jobs, the newest first: at most `limit`, as many as fit one message.
    /// - Parameter before: the newest job that is not wanted; `nil` to begin with the newest job.
    func jobs(limit: UInt32, before: JobID?) async throws -> [JobSummary]
    /// A page of a job's images from position `first` on, as many as fit one message.
    func images(_ job: JobID, first: UInt32) async throws -> ImagePage
    /// Which rows of an image's result are finished while the image is computed: a page.
    /// - Parameter firstRow: finished rows that end before it are left out.
    /// - Returns: `nil` when the master is of a release that does not say.
    func partialResult(of image: ImageID, firstRow: UInt32) async throws -> PartialResult?
    /// The job's summary at once and whenever it changed, at most ten times a second; ends after a final one.
    ///
    /// Only the newest summary waits for a slow consumer.
    func watch(_ job: JobID) -> AsyncThrowingStream<JobSummary, any Error>

    // MARK: Administration

    func masterStatus() async throws -> MasterStatus
    func workers() async throws -> [WorkerStatus]
    /// Which secrets the master accepts, and who uses the former one.
    func secretStatus() async throws -> SecretStatus
    /// Gives a worker no new work, or work again.
    /// - Parameter worker: its number, such as `w3`, or its name.
    func drain(_ worker: String, resume: Bool) async throws
    /// Gives a quarantined worker work again.
    /// - Parameter worker: its number, such as `w3`, or the name of one or more.
    /// - Returns: the number of workers that were quarantined.
    func release(_ worker: String) async throws -> Int
    /// The dead letters of one job, or of all for `nil`, without their attempts.
    func deadLetters(of job: JobID?) async throws -> [DeadLetter]
    /// One dead letter with its attempts.
    func deadLetter(_ image: ImageID) async throws -> DeadLetter
    /// Gives dead-lettered images new attempts.
    /// - Returns: the number of images that were given new attempts.
    func redrive(_ selection: DeadLetterSelection) async throws -> Int
    /// Forgets dead letters.
    /// - Returns: the number of images that were forgotten.
    func purge(_ selection: DeadLetterSelection) async throws -> Int
}

/// A part of a job's images.
public struct ImagePage: Hashable, Sendable {
    /// In their order, from the position that was asked for.
    public let images: [ImageStatus]
    /// All images that the job has so far.
    public let imageCount: Int

    public init(images: [ImageStatus], imageCount: Int) {
        self.images = images
        self.imageCount = imageCount
    }
}
