import Crypto
import Glibc
import JobModel

/// A blob that is being put: a file of a temporary name, which is removed at the end of its life unless it became a blob.
struct IncomingFile: ~Copyable {
    private let folder: BlobFolder
    private let durability: Durability
    /// Relative to the folder.
    private let name: String
    private let descriptor: CInt
    private var hash = SHA256()
    private var checksums = BlockChecksums()
    private(set) var byteCount: UInt64 = 0

    init(in folder: BlobFolder, _ durability: Durability) throws(BlobStoreError) {
        let (name, descriptor) = try folder.makeIncomingFile()
        self.init(in: folder, durability, name: name, descriptor: descriptor)
    }

    /// Takes over an open file.
    init(in folder: BlobFolder, _ durability: Durability, name: String, descriptor: CInt) {
        self.folder = folder
        self.durability = durability
        self.name = name
        self.descriptor = descriptor
    }

    deinit {
        close(descriptor)
        // Gone already when it was renamed. Should removing fail, the next start of the process does it.
        unlinkat(folder.descriptor, name, 0)
    }

    mutating func write(_ bytes: UnsafeRawBufferPointer) throws(BlobStoreError) {
        var position = 0
        while position < bytes.count {
            let count = Glibc.write(descriptor, bytes.baseAddress.map { $0 + position }, bytes.count - position)
            if count >= 0 {
                position += count
            } else if errno != EINTR {
                throw .system("writing", folder.path(name))
            }
        }
        hash.update(bufferPointer: bytes)
        checksums.update(bytes)
        byteCount += UInt64(bytes.count)
    }

    consuming func finish(expected: BlobDigest?) throws(BlobStoreError) -> BlobReference {
        let digest = BlobDigest(hash.finalize())
        if let expected, expected != digest {
            throw BlobStoreError(
                .wrongDigest,
                "\(byteCount) bytes were announced as \(expected) but have the digest \(digest); send them again")
        }
        let blob = BlobReference(digest: digest, byteCount: byteCount)
        checksums.finish()
        folder.checksums.insert(checksums, for: digest)
        try folder.settle(descriptor, durability)
        try folder.keep(name, as: blob, durability)
        return blob
    }
}

extension BlobDigest {
    init(_ digest: SHA256.Digest) {
        guard let value = BlobDigest(Array(digest)) else { preconditionFailure("SHA-256 has 32 bytes, not \(digest)") }
        self = value
    }
}
