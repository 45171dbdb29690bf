import JobModel

/// What the scheduler decided: the facts to make durable, then what to do about them.
///
/// The order is always the same: **decide, commit, send**. The shell commits `records` in one transaction and only then
/// performs `actions`, in their order. Several events may append to one decision, so that they share one transaction.
public struct Decision: Sendable {
    public internal(set) var records: [Record] = []
    public internal(set) var actions: [Action] = []
    /// Jobs that `actions` already reports as changed.
    private var changedJobs: Set<JobID> = []

    public init() {}

    public var isEmpty: Bool { records.isEmpty && actions.isEmpty }

    /// Reports the job to its watchers, once a decision.
    mutating func noteChange(of job: JobID) {
        if changedJobs.insert(job).inserted { actions.append(.jobChanged(job)) }
    }
}

/// What the shell is to do, once the records of the same decision are durable.
public enum Action: Hashable, Sendable {
    /// Send the lease and its task to the worker.
    case grant(LeaseID, TaskSpec, to: WorkerID)
    /// Tell the worker that the lease is no longer its own; it may stop the work.
    case revoke(LeaseID, from: WorkerID, RevocationReason)
    /// Build the output file, then report `imageAssembled`, `assemblyFailed` or `blobsLost`.
    case assemble(Assembly)
    /// Tell the job's watchers; `jobSummary(_:)` has the news.
    case jobChanged(JobID)
    /// No image needs the blob any more. Ask `isNeeded` again right before: an image may have been added with it since. The
    /// store keeps a blob that somebody has put again and not yet reported.
    case deleteBlob(BlobDigest)
    /// The worker was silent for too long: close its connection. Its leases are already back in the queue.
    case workerDeclaredDead(WorkerID)
}

/// Why a lease is taken back.
public enum RevocationReason: UInt8, Hashable, Sendable, CaseIterable {
    /// The task is done: another attempt was faster.
    case taskDone = 1
    /// The image ended without this task.
    case imageFinal = 2
    case jobCancelled = 3
    /// The image starts over because intermediate blobs were lost.
    case imageRestarted = 4
    /// It had not been started, and an idle worker runs it now.
    case movedToIdleWorker = 5
    /// The lease ran out, or made no progress for too long.
    case expired = 6
    /// The worker was found to compute wrong results.
    case workerQuarantined = 7

    /// The code as it goes on the wire.
    public var code: String {
        switch self {
        case .taskDone: "task-done"
        case .imageFinal: "image-final"
        case .jobCancelled: "job-cancelled"
        case .imageRestarted: "image-restarted"
        case .movedToIdleWorker: "moved-to-idle-worker"
        case .expired: "expired"
        case .workerQuarantined: "worker-quarantined"
        }
    }
}

/// A request to build one output file: from its encoded segments, or from the document of the last reduction.
public struct Assembly: Hashable, Sendable {
    /// One chunk's encoded segment.
    public struct Part: Hashable, Sendable {
        public let segment: BlobReference
        public let checksum: SegmentChecksum

        public init(segment: BlobReference, checksum: SegmentChecksum) {
            self.segment = segment
            self.checksum = checksum
        }
    }

    public let image: ImageID
    /// Top to bottom.
    public let parts: [Part]
    /// The ancillary header chunks that the decoder carried over, if there were any.
    public let metadata: BlobReference?
    /// The output image's size and sample layout.
    public let output: ImageGeometry
    /// The format of the file; see `ImageCoding.encoding`.
    public var encoding = ""
    /// The file's content, when it is not an image: then there are no parts.
    public var document: BlobReference?
    /// Tells the runs of an image that started over apart: `imageAssembled` names it.
    public var run: AttemptNumber = 0
}
