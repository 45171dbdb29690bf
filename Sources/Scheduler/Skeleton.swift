import JobModel

/// A record that does not fit the records before it: the journal is damaged, or another version wrote it.
public struct ReplayError: Error, Hashable, CustomStringConvertible {
    public let description: String
}

// Recovery.
extension Scheduler {
    /// Takes back one durable fact; call for every record of the journal, in order, before any event.
    public mutating func replay(_ record: Record) throws(ReplayError) {}
    /// All records are replayed: the master serves from now on.
    public mutating func recovered(at now: Moment, into decision: inout Decision) {}
}

// Jobs.
extension Scheduler {
    public mutating func jobOpened(
        _ opening: JobOpening, at now: Moment, into decision: inout Decision
    ) throws(SchedulerRefusal) -> JobID { JobID(1) }
    public mutating func imagesAdded(
        to job: JobID, firstIndex: UInt32, _ offers: [ImageOffer], at now: Moment, into decision: inout Decision
    ) throws(SchedulerRefusal) {}
    public mutating func jobSealed(
        _ job: JobID, imageCount: UInt32, at now: Moment, into decision: inout Decision
    ) throws(SchedulerRefusal) {}
    public mutating func jobCancelled(
        _ job: JobID, at now: Moment, into decision: inout Decision
    ) throws(SchedulerRefusal) {}
    /// Only a final job can be forgotten.
    public mutating func jobForgotten(
        _ job: JobID, at now: Moment, into decision: inout Decision
    ) throws(SchedulerRefusal) {}
}

// Membership.
extension Scheduler {
    public mutating func workerRegistered(
        _ registration: WorkerRegistration, at now: Moment, into decision: inout Decision
    ) throws(SchedulerRefusal) -> RegistrationReply { RegistrationReply(worker: WorkerID(1), dropped: []) }
    /// - Returns: the listed leases that are no longer the worker's own.
    public mutating func workerHeartbeat(
        _ worker: WorkerID, held: [HeldLease], residentBytes: UInt64, at now: Moment, into decision: inout Decision
    ) -> [LeaseID] { [] }
    public mutating func workerDisconnected(_ worker: WorkerID, at now: Moment, into decision: inout Decision) {}
    public mutating func workerDraining(
        _ worker: WorkerID, on: Bool, at now: Moment, into decision: inout Decision
    ) {}
}

// Results.
extension Scheduler {
    public mutating func bandPublished(
        _ lease: LeaseID, band: UInt32, blob: BlobReference, by worker: WorkerID, at now: Moment,
        into decision: inout Decision
    ) {}
    public mutating func taskFinished(
        _ lease: LeaseID, by worker: WorkerID, output: TaskOutput, at now: Moment, into decision: inout Decision
    ) {}
    public mutating func taskFailed(
        _ lease: LeaseID, by worker: WorkerID, failure: Failure, at now: Moment, into decision: inout Decision
    ) {}
    public mutating func leaseReturned(
        _ lease: LeaseID, by worker: WorkerID, at now: Moment, into decision: inout Decision
    ) {}
    public mutating func imageAssembled(
        _ image: ImageID, result: BlobReference, at now: Moment, into decision: inout Decision
    ) {}
    public mutating func assemblyFailed(
        _ image: ImageID, reason: String, at now: Moment, into decision: inout Decision
    ) {}
    /// Intermediate blobs of the image are gone: its tasks start over.
    public mutating func blobsLost(of image: ImageID, at now: Moment, into decision: inout Decision) {}
}

// Time.
extension Scheduler {
    /// When `timePassed` is due next; `nil` while nothing waits for time.
    public var nextDeadline: Instant? { nil }
    public mutating func timePassed(at now: Moment, into decision: inout Decision) {}
}

// Dead letters.
extension Scheduler {
    /// - Parameters: job: `nil` for all jobs; index: `nil` for all of the job's dead images.
    /// - Returns: how many images start over.
    public mutating func deadRedriven(
        job: JobID?, index: UInt32?, at now: Moment, into decision: inout Decision
    ) throws(SchedulerRefusal) -> Int { 0 }
    /// - Returns: how many images can no longer be redriven.
    public mutating func deadPurged(
        job: JobID?, index: UInt32?, at now: Moment, into decision: inout Decision
    ) throws(SchedulerRefusal) -> Int { 0 }
    public func deadImages(job: JobID?) -> [DeadImage] { [] }
    public func deadImage(_ image: ImageID) -> DeadImage? { nil }
}

// Queries.
extension Scheduler {
    public var counters: SchedulerCounters { SchedulerCounters() }
    public func jobSummary(_ job: JobID) -> JobSummary? { nil }
    /// Newest first.
    public func jobs(before: JobID?, limit: Int) -> [JobSummary] { [] }
    public func imageStatus(_ image: ImageID) -> ImageStatus? { nil }
    public func images(of job: JobID, firstIndex: UInt32, limit: Int) -> [ImageStatus] { [] }
    public func workers(at now: Moment) -> [WorkerStatus] { [] }
    public func isNeeded(_ blob: BlobDigest) -> Bool { true }
}
