import Glibc
import JobModel
import SystemCalls

/// Keeps immutable bytes under the name of their SHA-256, as files in a directory of the local disk, for one process at a time.
///
/// All methods may be called from any thread and **block** on the disk: call them from a thread pool, never from an event loop
/// or the cooperative pool.
///
/// A blob appears under its name by rename(2), complete or not at all. A durable put is, in this order: the bytes, fsync of
/// the file, rename, fsync of the directory.
public struct LocalBlobStore: Sendable {
    let directory: BlobDirectory

    /// Opens the store in the directory `path`, which is created if it does not exist; its parent must exist.
    public init(path: String) throws(BlobStoreError) {
        try self.init(path: path, bootTime: { BootTimeClock.now })
    }

    init(path: String, bootTime: @escaping @Sendable () -> UInt64) throws(BlobStoreError) {
        directory = try BlobDirectory(path: path, bootTime: bootTime)
    }

    /// Removes the files that a crash left half written. To be called before the first put: every unfinished file is removed.
    /// - Returns: how many files were removed.
    @discardableResult
    public func removeIncoming() throws(BlobStoreError) -> Int {
        var count = 0
        for name in try directory.files(in: BlobDirectory.incoming) where try directory.remove(name) { count += 1 }
        return count
    }

    /// Begins to put a blob. It exists once the writer is finished.
    public func makeWriter(_ durability: Durability) throws(BlobStoreError) -> BlobWriter {
        BlobWriter(try directory.makeIncomingFile(durability))
    }

    /// Opens a blob for reading and compares its size. The reader compares every read with what was put.
    ///
    /// A size says nothing about the disk, wherever it comes from: only a digest does. Where the sizes differ, the file is
    /// compared with its own name.
    ///
    /// - Throws: `damaged` when the file is not what was put; `sizeDiffers` when it is.
    public func open(_ blob: BlobReference) throws(BlobStoreError) -> BlobReader {
        let reader = try directory.open(blob.digest)
        guard reader.byteCount == blob.byteCount else {
            try reader.verifyLength()
            throw BlobStoreError(
                .sizeDiffers,
                "the blob \(blob.digest) has \(reader.byteCount) bytes, not \(blob.byteCount) as the request says; name "
                    + "it by its own size")
        }
        return reader
    }

    /// The size of a blob's file; `nil` when the store does not have it.
    public func byteCount(of digest: BlobDigest) throws(BlobStoreError) -> UInt64? {
        try directory.status(BlobDirectory.name(digest))?.byteCount
    }

    /// Whether the blob's present file is not what its name says; reads all of it. `false` when there is no such file.
    ///
    /// To be asked before anybody acts on damage that a reader found: the reader may have had an earlier file open.
    public func isDamaged(_ digest: BlobDigest) throws(BlobStoreError) -> Bool {
        do {
            try directory.open(digest).verify()
            return false
        } catch {
            switch error.code {
            case .damaged: return true
            case .notFound: return false
            case .wrongDigest, .outOfRange, .sizeDiffers, .noSpace, .writerEnded, .syncFailed, .systemError: throw error
            }
        }
    }

    /// Makes a stored blob survive a power cut, whatever its put promised. Costs nothing when it does already; one that was put
    /// before this process started is compared with its digest first.
    ///
    /// - Throws: `notFound`, `damaged`; `syncFailed` when the disk does not take it.
    public func makeDurable(_ digest: BlobDigest) throws(BlobStoreError) { try directory.makeDurable(digest) }

    /// Whether the store has the blob. If so, the blob counts as just put, so that no sweep removes it before something can
    /// refer to it.
    public func contains(_ digest: BlobDigest) throws(BlobStoreError) -> Bool {
        try directory.contains(digest)
    }

    /// Removes the blob. Readers that have it open can continue.
    /// - Returns: whether the store had it.
    @discardableResult
    public func remove(_ digest: BlobDigest) throws(BlobStoreError) -> Bool {
        try directory.remove(digest, sparesUnconfirmed: false)
    }

    /// Takes a damaged blob out of use and keeps its file for a person to look at.
    /// - Returns: the file's new path; `nil` when there was no such blob.
    @discardableResult
    public func setAside(_ digest: BlobDigest) throws(BlobStoreError) -> String? {
        try directory.setAside(digest, sparesUnconfirmed: false)
    }

    /// The bytes that can still be put before the disk is full.
    public func availableByteCount() throws(BlobStoreError) -> UInt64 {
        try directory.availableByteCount()
    }

    // MARK: - For an owner that keeps the set of blobs in memory

    /// All blobs.
    public func list() throws(BlobStoreError) -> Set<BlobDigest> {
        var found = Set<BlobDigest>()
        for (index, shelf) in BlobDirectory.shelves.enumerated() {
            let digests = try directory.blobs(in: shelf)
            // Digests are spread evenly over the shelves: the first shelf tells the number of all.
            if index == 0 { found.reserveCapacity(digests.count * BlobDirectory.shelves.count * 17 / 16) }
            found.formUnion(digests)
        }
        return found
    }

    /// Confirms that the owner knows of a put of the blob. Until then `removeUnlessPutAgain` and `setAsideUnlessPutAgain` keep
    /// its file.
    public func confirmPut(_ digest: BlobDigest) { directory.confirmPut(digest) }

    /// Removes the blob, unless a put of it is unconfirmed.
    /// - Returns: whether it was removed.
    @discardableResult
    public func removeUnlessPutAgain(_ digest: BlobDigest) throws(BlobStoreError) -> Bool {
        try directory.remove(digest, sparesUnconfirmed: true)
    }

    /// Sets a damaged blob aside, unless a put of it is unconfirmed. The file is compared with its name once more.
    /// - Returns: the file's new path; `nil` when nothing was done.
    @discardableResult
    public func setAsideUnlessPutAgain(_ digest: BlobDigest) throws(BlobStoreError) -> String? {
        guard try isDamaged(digest) else { return nil }
        return try directory.setAside(digest, sparesUnconfirmed: true)
    }

    /// Passes the blobs that were put longer than `grace` ago to `body`, in batches, until it returns `false`. There are none in
    /// the first `grace` after the store was opened, and changes of the wall clock do not matter.
    public func forEachOldBlob(
        olderThan grace: Duration, _ body: ([BlobDigest]) -> Bool
    ) throws(BlobStoreError) {
        for shelf in BlobDirectory.shelves {
            var old: [BlobDigest] = []
            for digest in try directory.blobs(in: shelf) where try directory.isOld(BlobDirectory.name(digest), grace) {
                old.append(digest)
            }
            if !old.isEmpty, !body(old) { return }
        }
    }
}

extension LocalBlobStore {
    /// Puts bytes that are in memory.
    public func put(_ bytes: [UInt8], _ durability: Durability) throws(BlobStoreError) -> BlobReference {
        let writer = try makeWriter(durability)
        try writer.write(bytes)
        return try writer.finish()
    }

    /// Puts `prefix`, the blobs `parts` in order and `suffix` as one blob: assembles an output file. Takes 2 MiB of memory,
    /// whatever the sizes.
    public func concatenate(
        prefix: [UInt8] = [], parts: [BlobReference], suffix: [UInt8] = [], _ durability: Durability
    ) throws(BlobStoreError) -> BlobReference {
        let writer = try makeWriter(durability)
        try writer.write(prefix)
        let buffer = CopyBuffer(byteCount: 2 << 20)
        for part in parts {
            try writer.append(try open(part), through: buffer.bytes)
        }
        try writer.write(suffix)
        return try writer.finish()
    }
}
