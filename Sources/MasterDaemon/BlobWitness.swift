import BlobStore
import JobModel
import NIOPosix

/// Tells the decision loop what was found out about blobs, and only what the disk itself shows.
///
/// Nothing that a peer says of a blob changes what the master believes of its disk: not a size, not an offset, and not how
/// long a peer takes to read a file that has been replaced since. So each finding is made again, on the present file, before
/// it is acted on.
struct BlobWitness: Sendable {
    let loop: DecisionLoop
    let blobs: LocalBlobStore
    let blockingWork: NIOThreadPool

    /// - Parameter error: what a reader met, if it says that a blob is damaged or gone; all else is not about a blob.
    /// - Returns: whether the blob is damaged, as the present file shows.
    @discardableResult
    func tell(of error: BlobStoreError) async -> Bool {
        guard let digest = error.blob else { return false }
        switch error.code {
        case .damaged:
            // A disk that cannot be read now shows nothing.
            let isDamaged = try? await blockingWork.runIfActive { [blobs] in try blobs.isDamaged(digest) }
            guard isDamaged == true else { return false }
            loop.post { $0.blobDamaged(digest, reason: error.description) }
            return true
        case .notFound:
            guard (try? await loop.ask({ $0.blobQuestioned(digest) })) == true else { return false }
            let isThere = await isThere(digest)
            loop.post { $0.blobLookedFor(digest, isThere: isThere) }
            return false
        case .wrongDigest, .outOfRange, .sizeDiffers, .noSpace, .writerEnded, .syncFailed, .systemError: return false
        }
    }

    private func isThere(_ digest: BlobDigest) async -> Bool {
        do {
            return try await blockingWork.runIfActive { [blobs] in try blobs.byteCount(of: digest) != nil }
        } catch {
            // A disk that cannot be asked does not say that it is gone.
            return true
        }
    }
}
