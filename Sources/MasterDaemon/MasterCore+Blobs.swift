import BlobStore
import JobModel
import MasterMachine
import Scheduler

extension MasterCore {
    // MARK: Kept results

    /// Notes that the image's result can answer identical requests.
    func remember(_ image: ImageID, _ result: BlobReference) {
        guard let status = scheduler.imageStatus(image), let job = scheduler.jobSummary(image.job)?.description else {
            return
        }
        let key = ResultCache.Key(
            input: status.input.digest, pipeline: job.pipeline, revision: status.resultRevision)
        results.insert(result, for: key)
    }

    /// The kept result of an identical request.
    func keptResult(input: BlobReference, pipeline: String) -> BlobReference? {
        results[ResultCache.Key(input: input.digest, pipeline: pipeline, revision: settings.scheduler.resultRevision)]
    }

    // MARK: Deletion

    /// Deletes a blob that no image needs, unless somebody is about to refer to it.
    func delete(_ digest: BlobDigest) {
        results.remove(digest)
        if mayDelete(digest) { remove(digest) }
    }

    func remove(_ digest: BlobDigest) {
        do {
            try blobs.remove(digest)
        } catch {
            logger.warning("a blob could not be removed", metadata: ["blob": "\(digest)", "error": "\(error)"])
        }
    }

    /// A blob was stored or is about to be referred to: it stays for a while even if nobody needs it yet.
    ///
    /// - Returns: whether it is (still) there.
    func pin(_ digest: BlobDigest, for job: JobID? = nil) -> Bool {
        pins.pin(digest, for: job, at: Self.currentInstant)
        // A folder that can not be looked into is as good as empty: the put or the reference fails with its own error.
        return (try? blobs.contains(digest)) ?? false
    }

    /// A client's upload has arrived. Its room stays taken until an image refers to it, or it is thrown away.
    ///
    /// - Returns: whether it is (still) there.
    func uploaded(_ blob: BlobReference, for job: JobID?) -> Bool {
        guard pin(blob.digest, for: job) else { return false }
        if !scheduler.isNeeded(blob.digest) { uploads.stored(blob) }
        return true
    }

    /// Whether nobody needs the blob, and nobody is about to refer to it.
    func mayDelete(_ digest: BlobDigest) -> Bool { pins.mayDelete(digest, isNeeded: scheduler.isNeeded(digest)) }

    /// Whether the blob is there with its right size.
    func holds(_ blob: BlobReference) -> Bool { (try? blobs.open(blob)) != nil }

    // MARK: Loss

    /// A blob could not be read. One that is missing or damaged is computed again where that can be; a damaged one is never
    /// served again, so that it can be put anew.
    func blobFailed(_ error: BlobStoreError) {
        guard let digest = error.blob else { return }
        if error.code == .damaged { setAside(digest, error) }
        blobMissing(digest)
    }

    private func setAside(_ digest: BlobDigest, _ error: BlobStoreError) {
        results.remove(digest)
        let images = scheduler.images(referringTo: digest)
        let named = images.prefix(10).map(\.description).joined(separator: ", ")
        do {
            let place = try blobs.setAside(digest)
            logger.critical(
                "a blob is damaged: check the disk",
                metadata: [
                    "blob": "\(digest)", "reason": "\(error)", "image.ids": "\(named)",
                    "image.count": "\(images.count)",
                    "set-aside": "\(place ?? "it is gone already")",
                ])
        } catch {
            logger.critical(
                "a damaged blob can not be set aside", metadata: ["blob": "\(digest)", "error": "\(error)"])
        }
    }

    /// A blob is not there: what can be computed again starts over.
    private func blobMissing(_ digest: BlobDigest) {
        let now = now
        for image in scheduler.imagesThatCanRecompute(digest) {
            logger.error(
                "a blob was lost: the image starts over", metadata: ["image.id": "\(image)", "blob": "\(digest)"])
            scheduler.blobsLost(of: image, at: now, into: &decision)
        }
    }

    /// An intermediate blob was not found after a start.
    func intermediateMissed(_ image: ImageID, _ blob: BlobReference) {
        // The image may have ended since it was looked for, or have started over.
        guard scheduler.intermediateBlobs(of: image).contains(blob), isLost(blob, in: blobs) else { return }
        logger.warning(
            "an intermediate blob is gone: the image starts over",
            metadata: ["image.id": "\(image)", "blob": "\(blob.digest)"])
        scheduler.blobsLost(of: image, at: now, into: &decision)
    }
}

/// Whether the blob is certain not to be there as it was put; any other error says nothing.
func isLost(_ blob: BlobReference, in blobs: FolderBlobStore) -> Bool {
    do {
        _ = try blobs.open(blob)
        return false
    } catch {
        return error.code == .notFound || error.code == .damaged
    }
}
