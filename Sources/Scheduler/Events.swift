import JobModel
import Pipelines

/// What a client asks for when it opens a job; the scheduler gives it an identifier.
public struct JobOpening: Hashable, Sendable {
    /// Chosen by the client; the same token is the same job.
    public var token: String
    /// A label for fair sharing.
    public var submitter: String
    /// Higher goes first; from -100 to 100.
    public var priority: Int32
    public var pipeline: String
    public var options: JobOptions

    public init(
        token: String, submitter: String, priority: Int32 = 0, pipeline: String, options: JobOptions = JobOptions()
    ) {
        self.token = token
        self.submitter = submitter
        self.priority = priority
        self.pipeline = pipeline
        self.options = options
    }
}

/// One image that a client adds to a job, with what the shell found out about it.
public struct ImageOffer: Hashable, Sendable {
    public var name: String
    public var input: BlobReference
    /// What the header says, or why the image is refused.
    public var admission: ImageDescription.Admission
    /// How large the image's plan is, where the shell has computed it already.
    public var planSize: PlanSize?
    /// The kept result of an identical request, when there is one and the job may use it.
    public var cachedResult: BlobReference?

    public init(
        name: String, input: BlobReference, admission: ImageDescription.Admission, planSize: PlanSize? = nil,
        cachedResult: BlobReference? = nil
    ) {
        self.name = name
        self.input = input
        self.admission = admission
        self.planSize = planSize
        self.cachedResult = cachedResult
    }
}

/// A lease as its holder sees it.
public struct HeldLease: Hashable, Sendable {
    public var lease: LeaseID
    /// Whether a slot works on it; else it waits in the worker for a slot.
    public var isStarted: Bool
    /// From 0 to 1, as far as known.
    public var progress: Double

    public init(_ lease: LeaseID, isStarted: Bool = true, progress: Double = 0) {
        self.lease = lease
        self.isStarted = isStarted
        self.progress = progress
    }
}

/// What a worker says when it connects.
public struct WorkerRegistration: Hashable, Sendable {
    /// The identifier that an earlier registration gave it; `nil` at its first.
    public var worker: WorkerID?
    /// What its process is known by on all its connections. An identifier belongs to the process that it was given to.
    public var identity: [UInt8]
    /// A label for listings.
    public var name: String
    public var slotCount: Int
    public var ranksPerSlot: Int
    /// What the task of one slot may take; `nil` when the worker does not say.
    public var slotMemoryByteCount: UInt64?
    /// The revision of the results that the worker computes.
    public var resultRevision: UInt32
    public var held: [HeldLease]
    public var isDraining: Bool
    /// Why the worker cannot run tasks at present; `nil` when it can.
    public var unreadyReason: String?

    public init(
        worker: WorkerID? = nil, identity: [UInt8] = [], name: String, slotCount: Int, ranksPerSlot: Int = 1,
        slotMemoryByteCount: UInt64? = nil, resultRevision: UInt32 = JobOptions.currentResultRevision,
        held: [HeldLease] = [], isDraining: Bool = false, unreadyReason: String? = nil
    ) {
        self.worker = worker
        self.identity = identity
        self.name = name
        self.slotCount = slotCount
        self.ranksPerSlot = ranksPerSlot
        self.slotMemoryByteCount = slotMemoryByteCount
        self.resultRevision = resultRevision
        self.held = held
        self.isDraining = isDraining
        self.unreadyReason = unreadyReason
    }
}

/// The answer to a registration.
public struct RegistrationReply: Hashable, Sendable {
    /// The worker's identifier from now on; another than it presented when that one is not known any more.
    public let worker: WorkerID
    /// Held leases that are no longer its own.
    public let dropped: [LeaseID]
}
