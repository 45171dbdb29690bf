import JobModel

/// Blobs that clients uploaded and to which no image refers yet, with their sizes.
struct UnclaimedUploads {
    private var byteCounts: [BlobDigest: UInt64] = [:]
    private(set) var byteCount: UInt64 = 0

    mutating func insert(_ blob: BlobReference) {
        guard byteCounts.updateValue(blob.byteCount, forKey: blob.digest) == nil else { return }
        byteCount += blob.byteCount
    }

    mutating func remove(_ digest: BlobDigest) {
        if let removed = byteCounts.removeValue(forKey: digest) { byteCount -= removed }
    }
}
