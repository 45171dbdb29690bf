import JobModel

// What the shell has to know of blobs to notice the loss of one. Asked rarely: each looks at all running images.

extension Scheduler {
    /// Each running image with the blobs that exist only for its sake: bands, raw rows, summaries, segments.
    public func intermediateBlobs() -> [(image: ImageID, blobs: [BlobReference])] {
        ledger.jobs.values.flatMap { job in
            job.progress.map { (ImageID(job: job.description.id, index: $0.key), $0.value.intermediates) }
        }
    }

    /// The running images of which the blob is an intermediate: they can start over without it.
    public func imagesThatCanRecompute(_ digest: BlobDigest) -> [ImageID] {
        intermediateBlobs().filter { $0.blobs.contains { $0.digest == digest } }.map(\.image)
    }

    /// The identifier that the next new worker gets; to be reserved durably before it does.
    public var nextWorkerID: WorkerID { nextWorker }
}
