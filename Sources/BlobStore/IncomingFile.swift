import Cryptography
import Glibc
import JobModel
import SystemCalls

/// A blob that is being put: a file with a temporary name, removed at the end of this value's life unless it became a blob.
struct IncomingFile: ~Copyable {
    private let directory: BlobDirectory
    private let durability: Durability
    /// The file's name, relative to the directory.
    private let name: String
    private let file: OwnedDescriptor
    private var hash = SHA256()
    private var checksums = BlockChecksums()
    private(set) var byteCount: UInt64 = 0

    /// Takes over an open file.
    init(in directory: BlobDirectory, _ durability: Durability, name: String, file: consuming OwnedDescriptor) {
        self.directory = directory
        self.durability = durability
        self.name = name
        self.file = file
    }

    deinit {
        // No longer there after a rename. If removing fails, the next start of the process does it.
        unlinkat(directory.descriptor, name, 0)
    }

    mutating func write(_ bytes: UnsafeRawBufferPointer) throws(BlobStoreError) {
        do { try file.writeAll(bytes) } catch { throw .system("writing", directory.path(name), error: error) }
        hash.update(bytes)
        checksums.update(bytes)
        byteCount += UInt64(bytes.count)
    }

    consuming func finish(expected: BlobDigest?) throws(BlobStoreError) -> BlobReference {
        let digest = BlobDigest(hash)
        if let expected, expected != digest {
            throw BlobStoreError(
                .wrongDigest,
                "\(byteCount) bytes were announced as \(expected) but have the digest \(digest); send them again")
        }
        let blob = BlobReference(digest: digest, byteCount: byteCount)
        checksums.finish()
        directory.checksums.insert(checksums, for: digest)
        try directory.settle(file.number, durability)
        try directory.keep(name, as: blob, durability)
        return blob
    }
}

extension BlobDigest {
    init(_ hash: SHA256) {
        guard let value = BlobDigest(hash.finalize()) else { preconditionFailure("SHA-256 has 32 bytes") }
        self = value
    }
}
