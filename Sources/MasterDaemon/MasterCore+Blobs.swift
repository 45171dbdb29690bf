import BlobStore
import JobModel
import MasterMachine
import Scheduler

// What transfers and background work found out about blobs.

extension MasterCore {
    /// A blob was put, and the peer that sent it waits for the answer.
    ///
    /// - Parameter isFromTask: a worker sent it; otherwise it is a client's upload.
    func stored(_ blob: BlobReference, isFromTask: Bool, for job: JobID?) {
        decide { master, now in
            if isFromTask { master.stored(blob.digest, at: now) } else { master.uploaded(blob, for: job, at: now) }
        }
    }

    /// A blob could not be read. A missing or damaged one is computed again where that is possible; a damaged one is never
    /// served again, so that it can be put again.
    func blobFailed(_ error: BlobStoreError) {
        guard let digest = error.blob else { return }
        let restarted: [ImageID]
        if error.code == .damaged {
            let affected: [ImageID]
            (affected, restarted) = decide { $0.blobDamaged(digest, at: $1) }
            let named = affected.prefix(10).map(\.description).joined(separator: ", ")
            logger.critical(
                "a blob is damaged: check the disk",
                metadata: [
                    "blob": "\(digest)", "reason": "\(error)", "image.ids": "\(named)",
                    "image.count": "\(affected.count)",
                ])
        } else {
            restarted = decide { $0.blobMissing(digest, at: $1) }
        }
        for image in restarted {
            logger.error(
                "a blob was lost: the image starts over", metadata: ["image.id": "\(image)", "blob": "\(digest)"])
        }
    }

    /// An intermediate blob was not found, or not whole, after a start.
    func intermediateMissed(_ blob: BlobReference, of image: ImageID) {
        guard decide({ $0.intermediateMissed(blob, of: image, at: $1) }) else { return }
        logger.warning(
            "an intermediate blob is gone: the image starts over",
            metadata: ["image.id": "\(image)", "blob": "\(blob.digest)"])
    }
}
