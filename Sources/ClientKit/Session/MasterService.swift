import JobModel
import Protocol

/// What a master does for a client: over the network by `ConnectedMaster`, in a test by a model of a master.
///
/// Every method throws `MasterRefusal` when the master says no, and `ConnectionClosed` or `TransportError` when it cannot
/// be asked.
protocol MasterService: Sendable {
    // Submitting.
    /// - Returns: the job, how many images it already has, and whether it was already complete.
    func openJob(_ request: WireOpenJob) async throws -> (job: JobID, imageCount: UInt32, isSealed: Bool)
    func addImages(_ images: [NewImage], to job: JobID, firstIndex: UInt32) async throws
    func sealJob(_ job: JobID, imageCount: UInt32) async throws

    // Blobs.
    /// - Returns: for each digest whether the master has the blob; it then keeps it until the job is complete.
    func findBlobs(_ digests: [BlobDigest], for job: JobID) async throws -> [Bool]
    /// Sends `file` from its beginning; it must have the digest and size of `blob`.
    func putBlob(_ blob: BlobReference, for job: JobID, from file: FileDescriptor) async throws
    /// Writes the blob to `file` from its beginning, and checks it against its digest.
    func getBlob(_ blob: BlobReference, into file: FileDescriptor) async throws

    // Watching.
    func job(_ job: JobID) async throws -> WireJobSummary
    func jobs(limit: UInt32, before: JobID?) async throws -> [WireJobSummary]
    /// - Returns: as many images from `first` on as fit one message, and how many the job has in all.
    func images(_ job: JobID, first: UInt32) async throws -> (images: [WireImageStatus], imageCount: UInt32)
    /// The job's summary now and whenever it changed, until it is final.
    func watch(_ job: JobID) -> AsyncThrowingStream<WireJobSummary, any Error>
    func cancel(_ job: JobID) async throws

    // Operating.
    func masterStatus() async throws -> WireMasterStatus
    func workers() async throws -> [WireWorkerStatus]
    func drain(_ worker: String, resume: Bool) async throws
    func deadImages(of job: JobID?) async throws -> [WireDeadImage]
    func deadImage(_ image: ImageID) async throws -> WireDeadImage
    /// - Returns: how many images were given new attempts.
    func redrive(_ selection: DeadSelection) async throws -> Int
    /// - Returns: how many images were forgotten.
    func purge(_ selection: DeadSelection) async throws -> Int
}

/// An image as it is added to a job: its label and its encoded bytes.
typealias NewImage = (name: String, input: BlobReference)

/// Which dead-lettered images a command is about.
enum DeadSelection: Sendable, Hashable {
    case all
    case job(JobID)
    case image(ImageID)
}

extension WireJobSummary {
    /// `nil` for a state that this version does not know.
    var jobState: JobState? { JobState.allCases.first { $0.name == state } }
    var isFinal: Bool { jobState?.isFinal ?? false }
}

extension WireImageStatus {
    /// `nil` for a state that this version does not know.
    var imageState: ImageState? { ImageState.allCases.first { $0.name == state } }
}
