import JobModel

/// What a put promises about loss of power. Both survive the end of the process.
public enum Durability: Hashable, Sendable {
    /// On disk, under its name, before the put returns.
    case durable
    /// May be lost with the power: whoever needs it can compute it again.
    case recomputable
}

/// What a store holds.
public struct BlobUsage: Hashable, Sendable {
    public var blobCount: Int
    public var byteCount: UInt64

    public init(blobCount: Int = 0, byteCount: UInt64 = 0) {
        self.blobCount = blobCount
        self.byteCount = byteCount
    }

    mutating func add(_ byteCount: UInt64) {
        blobCount += 1
        self.byteCount += byteCount
    }
}

/// Keeps immutable bytes under the name of their SHA-256.
///
/// All methods may be called from any thread, and **block**, on the disk or the network: call them from a thread pool, never
/// from an event loop or the cooperative pool.
///
/// A blob's name is known only with its last byte, and a mapped blob is a file: so each store, wherever it keeps its blobs,
/// writes and reads through local files, which is why `BlobWriter` and `BlobReader` are the same for all of them.
public protocol BlobStore: Sendable {
    /// Begins to put a blob. It exists once the writer is finished.
    func makeWriter(_ durability: Durability) throws(BlobStoreError) -> BlobWriter

    /// Opens a blob for reading, having compared its size. What the reader reads is compared with what was put.
    func open(_ blob: BlobReference) throws(BlobStoreError) -> BlobReader

    /// Whether the blob is there. If so it counts as just put, so that no sweep takes it before it can be referred to.
    func contains(_ digest: BlobDigest) throws(BlobStoreError) -> Bool

    /// Removes the blob. Who has it open can go on reading.
    /// - Returns: whether it was there.
    @discardableResult
    func remove(_ digest: BlobDigest) throws(BlobStoreError) -> Bool

    /// Takes a blob out of use whose bytes are not what its name says, and keeps it for a person to look at.
    /// - Returns: where it is now; `nil` when there was no such blob.
    @discardableResult
    func setAside(_ digest: BlobDigest) throws(BlobStoreError) -> String?

    /// Reads the whole blob and compares its digest.
    /// - Throws: `damaged` when a bit was flipped, or bytes are missing or added; `notFound`.
    func verify(_ digest: BlobDigest) throws(BlobStoreError) -> BlobReference

    /// Counts all blobs: takes time in proportion to their number.
    func usage() throws(BlobStoreError) -> BlobUsage

    /// The bytes that can still be put before the disk is full.
    func availableByteCount() throws(BlobStoreError) -> UInt64

    /// Removes the blobs that nobody needs: those that `isNeeded` denies and that were put longer than `grace` ago.
    ///
    /// A blob is put before anything durable refers to it; `grace` is the time allowed for that. Nothing at all is removed
    /// in the first `grace` after the store was opened, and changes of the wall clock do not matter.
    /// - Returns: what was removed.
    @discardableResult
    func sweep(olderThan grace: Duration, keeping isNeeded: (BlobDigest) -> Bool) throws(BlobStoreError) -> BlobUsage
}

extension BlobStore {
    /// Puts bytes that are in memory.
    public func put(_ bytes: [UInt8], _ durability: Durability) throws(BlobStoreError) -> BlobReference {
        let writer = try makeWriter(durability)
        try writer.write(bytes)
        return try writer.finish()
    }

    /// Puts `prefix`, the blobs `parts` one after the other, and `suffix` as one blob: how an output file is assembled.
    /// Takes two mebibytes of memory, whatever the sizes.
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

/// Memory that bytes pass through on their way from file to file.
struct CopyBuffer: ~Copyable {
    let bytes: UnsafeMutableRawBufferPointer

    init(byteCount: Int) {
        bytes = .allocate(byteCount: byteCount, alignment: 4096)
    }

    deinit { bytes.deallocate() }
}
