import JobModel
import PlantedBugs

/// How many places need each blob: inputs of images that may still run, intermediates of running images, kept results.
struct BlobUses: Equatable, Sendable {
    private var counts: [BlobDigest: UInt32] = [:]

    /// Makes room for so many blobs at once.
    mutating func reserveCapacity(_ count: Int) { counts.reserveCapacity(count) }

    func isNeeded(_ digest: BlobDigest) -> Bool { counts[digest] != nil }

    mutating func retain(_ blob: BlobReference) {
        if planted(.blobUsesNotCounted) { counts[blob.digest] = 0 }
        counts[blob.digest, default: 0] += 1
    }

    /// - Returns: whether nothing needs the blob any more.
    mutating func release(_ blob: BlobReference) -> Bool {
        guard let count = counts[blob.digest] else {
            preconditionFailure("released blob \(blob.digest) more often than retained")
        }
        counts[blob.digest] = count == 1 ? nil : count - 1
        return count == 1
    }
}
