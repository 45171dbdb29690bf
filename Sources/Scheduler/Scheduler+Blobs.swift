import JobModel

// What the shell has to know of blobs to notice the loss of one. Asked rarely: each looks at all running images.

extension Scheduler {
    /// All blobs that something needs, intermediate ones included, in no particular order.
    public func neededBlobs() -> [BlobDigest] { Array(ledger.blobs.needed) }

    /// Each running image with the blobs that exist only for its sake: bands, raw rows, summaries, segments.
    public func intermediateBlobs() -> [(image: ImageID, blobs: [BlobReference])] {
        ledger.jobs.values.flatMap { job in
            job.progress.map { (ImageID(job: job.description.id, index: $0.key), $0.value.intermediates) }
        }
    }

    /// Images that have intermediate blobs, in the order of jobs.
    public func runningImages() -> [ImageID] {
        ledger.jobOrder.flatMap { job in
            (ledger.jobs[job]?.progress.keys.sorted() ?? []).map { ImageID(job: job, index: $0) }
        }
    }

    /// The blobs that exist only for the image's sake; none unless it is running.
    public func intermediateBlobs(of image: ImageID) -> [BlobReference] {
        ledger.progress(of: image)?.intermediates ?? []
    }

    /// The running images of which the blob is an intermediate: they can start over without it.
    public func imagesThatCanRecompute(_ digest: BlobDigest) -> [ImageID] {
        intermediateBlobs().filter { $0.blobs.contains { $0.digest == digest } }.map(\.image)
    }

    /// Every image of which the blob is input, intermediate or result.
    public func images(referringTo digest: BlobDigest) -> [ImageID] {
        ledger.jobOrder.flatMap { job -> [ImageID] in
            guard let entry = ledger.jobs[job] else { return [] }
            let isAttached = entry.attachments.contains { $0.digest == digest }
            return entry.images.enumerated().compactMap { index, image in
                let isNamed =
                    image.description.input.digest == digest || isAttached || image.result?.digest == digest
                    || entry.progress[UInt32(index)]?.intermediates.contains { $0.digest == digest } == true
                return isNamed ? ImageID(job: job, index: UInt32(index)) : nil
            }
        }
    }
}
