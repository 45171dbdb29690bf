import Glibc
import JobModel

/// Keeps blobs as files in a folder of the local disk, for one process at a time.
///
/// A blob appears under its name by rename(2), complete or not at all. A durable put is, in this order: the bytes, fsync of
/// the file, rename, fsync of the folder.
public struct FolderBlobStore: BlobStore {
    let folder: BlobFolder

    /// Opens the store in `path`, which is made if there is none (not its parents).
    public init(path: String) throws(BlobStoreError) {
        try self.init(path: path, bootTime: StoreClock.systemBootTime)
    }

    init(path: String, bootTime: @escaping @Sendable () -> UInt64) throws(BlobStoreError) {
        folder = try BlobFolder(path: path, bootTime: bootTime)
    }

    /// Removes what a crash left half written. For the start, before the first put: it takes away every unfinished one.
    /// - Returns: how many files were removed.
    @discardableResult
    public func removeIncoming() throws(BlobStoreError) -> Int {
        var count = 0
        for name in try folder.files(in: BlobFolder.incoming) where try folder.remove(name) != nil { count += 1 }
        return count
    }

    public func makeWriter(_ durability: Durability) throws(BlobStoreError) -> BlobWriter {
        BlobWriter(try IncomingFile(in: folder, durability))
    }

    public func open(_ blob: BlobReference) throws(BlobStoreError) -> BlobReader {
        let reader = try folder.open(blob.digest)
        guard reader.byteCount == blob.byteCount else {
            throw BlobStoreError(
                .damaged,
                "\(reader.path) has \(reader.byteCount) bytes, and not the \(blob.byteCount) of the blob it is to be",
                blob: blob.digest)
        }
        return reader
    }

    public func contains(_ digest: BlobDigest) throws(BlobStoreError) -> Bool {
        try folder.contains(digest)
    }

    @discardableResult
    public func remove(_ digest: BlobDigest) throws(BlobStoreError) -> Bool {
        try folder.remove(BlobFolder.name(digest)) != nil
    }

    public func verify(_ digest: BlobDigest) throws(BlobStoreError) -> BlobReference {
        let reader = try folder.open(digest)
        _ = try reader.computeChecksums()
        return BlobReference(digest: digest, byteCount: reader.byteCount)
    }

    @discardableResult
    public func setAside(_ digest: BlobDigest) throws(BlobStoreError) -> String? {
        try folder.setAside(digest)
    }

    public func usage() throws(BlobStoreError) -> BlobUsage {
        var usage = BlobUsage()
        for shelf in BlobFolder.shelves {
            for name in try folder.files(in: shelf) {
                // Gone if it was removed meanwhile.
                if let status = try folder.status(name) { usage.add(status.byteCount) }
            }
        }
        return usage
    }

    public func availableByteCount() throws(BlobStoreError) -> UInt64 {
        try folder.availableByteCount()
    }

    @discardableResult
    public func sweep(
        olderThan grace: Duration, keeping isNeeded: (BlobDigest) -> Bool
    ) throws(BlobStoreError) -> BlobUsage {
        var removed = BlobUsage()
        for shelf in BlobFolder.shelves {
            for name in try folder.files(in: shelf) {
                // What is no blob is not ours to remove.
                guard let digest = BlobDigest(hex: name.filter { $0 != "/" }), !isNeeded(digest) else { continue }
                if let status = try folder.remove(name, olderThan: grace) { removed.add(status.byteCount) }
            }
        }
        return removed
    }
}
