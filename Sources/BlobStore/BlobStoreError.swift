import Glibc
import JobModel
import SystemCalls

/// Why a blob could not be put, found or read.
public struct BlobStoreError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The stable name of what went wrong, for the wire and for metric labels.
    public enum Code: String, Hashable, Sendable, CaseIterable {
        /// The store does not have the blob.
        case notFound = "blob-not-found"
        /// The blob's bytes are not what its name says.
        case damaged = "blob-damaged"
        /// What was put does not have the digest that its sender announced.
        case wrongDigest = "blob-wrong-digest"
        /// The requested bytes are beyond the blob's end.
        case outOfRange = "blob-out-of-range"
        /// The blob is as it was put, and has another size than the request says: the request is wrong, not the disk.
        case sizeDiffers = "blob-size-differs"
        /// The file system or the quota is full.
        case noSpace = "no-space"
        /// The writer was finished or abandoned before, or failed.
        case writerEnded = "blob-writer-ended"
        /// The disk did not confirm that it has the bytes. They may be lost whatever a later attempt reports.
        case syncFailed = "blob-sync-failed"
        /// The file system failed for another reason.
        case systemError = "blob-system-error"
    }

    public let code: Code
    /// One sentence for a person.
    public let description: String
    /// The blob that is missing or damaged.
    public let blob: BlobDigest?

    public init(_ code: Code, _ description: String, blob: BlobDigest? = nil) {
        self.code = code
        self.description = description
        self.blob = blob
    }
}

extension BlobStoreError {
    /// The error that stands for a failed system call on `path`.
    static func system(_ action: String, _ path: String, error: SystemError = .last) -> BlobStoreError {
        switch error.code {
        case ENOSPC, EDQUOT:
            BlobStoreError(
                .noSpace, "\(action) \(path) failed: \(error); free space, or move the blob directory to a larger disk")
        case EMFILE, ENFILE:
            BlobStoreError(
                .systemError, "\(action) \(path) failed: \(error); raise the limit of open files (LimitNOFILE)")
        default:
            BlobStoreError(.systemError, "\(action) \(path) failed: \(error)")
        }
    }

    static func notFound(_ digest: BlobDigest) -> BlobStoreError {
        BlobStoreError(.notFound, "there is no blob \(digest)", blob: digest)
    }
}
