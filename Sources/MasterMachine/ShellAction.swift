import JobModel
import Scheduler

/// What the shell does once a turn's records are durable.
public enum ShellAction<Link> {
    /// Send the lease and its task to the worker. A worker without a connection is told nothing.
    case grant(LeaseID, TaskSpec, to: WorkerID, on: Link?)
    /// Tell the worker that the lease is no longer its own.
    case revoke(LeaseID, from: WorkerID, on: Link?, RevocationReason)
    /// Build the output file, then report `assembled`, `assemblyFailed`, `segmentMissing` or `blobFailed`.
    case assemble(Assembly)
    /// Tell the job's watchers; `scheduler.jobSummary(_:)` has the news.
    case tellWatchers(of: JobID)
    /// The worker was silent for too long: close its connection.
    case closeSilent(WorkerID, on: Link?)

    // The store. These are carried out in their order, by one thread: `PresentBlobs` explains why.

    /// Delete the blob's file, unless it was put again and that put is not confirmed.
    case removeBlob(BlobDigest)
    /// The put of the blob is known: the store protects its file no longer.
    case confirmPut(BlobDigest)
    /// Move the damaged file away for a person to look at, unless the blob was put again and that put is not confirmed.
    case setAside(BlobDigest)
    /// Look for intermediate blobs that are gone or incomplete, and report each as `intermediateMissed`: they are not synced,
    /// so a power cut can have taken some.
    case findLostBlobs
    /// Look for old blobs that nothing may need, and report them as `oldBlobsFound`.
    case sweepBlobs
}

/// An action that the master decides besides those of its scheduler.
enum OwnAction: Hashable {
    /// Asked again right before: an event since may need the blob.
    case removeIfUnneeded(BlobDigest)
    case confirmPut(BlobDigest)
    case setAside(BlobDigest)
    case findLostBlobs
    case sweepBlobs
}
