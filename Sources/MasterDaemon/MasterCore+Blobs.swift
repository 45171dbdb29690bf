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

    /// The file of a blob is not what its name says: it was compared. The blob is computed again where that is possible, and
    /// never served again, so that it can be put again.
    func blobDamaged(_ digest: BlobDigest, reason: String) {
        let (affected, restarted) = decide { $0.blobDamaged(digest, at: $1) }
        let named = affected.prefix(10).map(\.description).joined(separator: ", ")
        logger.critical(
            "a blob is damaged: check the disk",
            metadata: [
                "blob": "\(digest)", "reason": "\(reason)", "image.ids": "\(named)",
                "image.count": "\(affected.count)",
            ])
        noteRestarts(restarted, without: digest)
    }

    /// A reader found no file of the blob.
    ///
    /// - Returns: whether to look for it once more.
    func blobQuestioned(_ digest: BlobDigest) -> Bool { decide { master, _ in master.blobQuestioned(digest) } }

    /// A questioned blob was looked for. It is computed again where that is possible.
    func blobLookedFor(_ digest: BlobDigest, isThere: Bool) {
        noteRestarts(decide { $0.blobLookedFor(digest, isThere: isThere, at: $1) }, without: digest)
    }

    private func noteRestarts(_ images: [ImageID], without digest: BlobDigest) {
        for image in images {
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
