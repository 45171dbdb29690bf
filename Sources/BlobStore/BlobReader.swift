import Cryptography
import Glibc
import JobModel
import SystemCalls

/// Reads an open blob, at any offset, from any number of threads at once. Blocks on the disk.
///
/// The bytes stay readable while the reader exists, even if the blob is removed.
///
/// Every read is compared with what was put, block by block: a change on the disk is an error and never a byte of an image.
/// A blob that was put before this process started is read as a whole once, to compare its digest.
public final class BlobReader: Sendable {
    /// The unit of checking. Reads that begin and end at multiples of it, or at the blob's end, cost least.
    public static let blockByteCount = BlockChecksums.blockByteCount

    public let digest: BlobDigest
    public let byteCount: UInt64
    /// The path of the blob's file, for messages.
    public let path: String
    private let file: OwnedDescriptor
    private let checksums: ChecksumTable

    init(digest: BlobDigest, file: consuming OwnedDescriptor, byteCount: UInt64, path: String, checksums: ChecksumTable)
    {
        self.digest = digest
        self.file = file
        self.byteCount = byteCount
        self.path = path
        self.checksums = checksums
    }

    /// Returns the `count` bytes from `offset` on.
    public func read(at offset: UInt64, count: Int) throws(BlobStoreError) -> [UInt8] {
        try check(offset, count)
        var failure: BlobStoreError?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initializedCount in
            do throws(BlobStoreError) {
                try read(
                    into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<count]),
                    at: offset)
                initializedCount = count
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Fills `buffer` with the bytes from `offset` on.
    public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(BlobStoreError) {
        try check(offset, buffer.count)
        guard !buffer.isEmpty else { return }
        let values: [UInt64]
        if let known = checksums[digest] { values = known } else { values = try computeChecksums() }
        let blockByteCount = UInt64(Self.blockByteCount)
        let end = offset + UInt64(buffer.count)
        var spare: CopyBuffer?
        var position = offset
        while position < end {
            let index = position / blockByteCount
            let block = index * blockByteCount..<min((index + 1) * blockByteCount, byteCount)
            let wanted = position..<min(block.upperBound, end)
            let target = UnsafeMutableRawBufferPointer(
                rebasing: buffer[Int(wanted.lowerBound - offset)..<Int(wanted.upperBound - offset)])
            if wanted == block {
                try readBlock(into: target, at: block.lowerBound, values)
            } else {
                if spare == nil { spare = CopyBuffer(byteCount: Self.blockByteCount) }
                guard let bytes = spare?.bytes else { return }
                let whole = UnsafeMutableRawBufferPointer(rebasing: bytes[..<block.count])
                try readBlock(into: whole, at: block.lowerBound, values)
                target.copyMemory(
                    from: UnsafeRawBufferPointer(
                        rebasing: whole[
                            Int(wanted.lowerBound - block.lowerBound)..<Int(wanted.upperBound - block.lowerBound)]))
            }
            position = wanted.upperBound
        }
    }

    private func readBlock(
        into target: UnsafeMutableRawBufferPointer, at offset: UInt64, _ values: [UInt64]
    ) throws(BlobStoreError) {
        try readFile(into: target, at: offset)
        let index = Int(offset / UInt64(Self.blockByteCount))
        guard index < values.count, values[index] == BlockChecksums.value(of: UnsafeRawBufferPointer(target)) else {
            throw BlobStoreError(
                .damaged,
                "\(path) is not what was put: bytes \(offset) to \(offset + UInt64(target.count)) have changed on disk",
                blob: digest)
        }
    }

    /// Compares the whole blob with its digest, whatever is remembered of it.
    func verify() throws(BlobStoreError) { _ = try computeChecksums() }

    /// Compares the blob's end with what was put; all of it with its digest, when it was put before this process started.
    ///
    /// A peer that names a wrong size can cause this as often as it likes: after the first time it reads one block.
    func verifyLength() throws(BlobStoreError) {
        guard let known = checksums[digest] else { return try verify() }
        let blockByteCount = UInt64(Self.blockByteCount)
        let blockCount = (byteCount + blockByteCount - 1) / blockByteCount
        guard blockCount == UInt64(known.count) else { return try verify() }
        if byteCount > 0 { _ = try read(at: byteCount - 1, count: 1) }
    }

    /// Reads the whole blob and compares its digest; remembers the checksums of its blocks.
    func computeChecksums() throws(BlobStoreError) -> [UInt64] {
        let buffer = CopyBuffer(byteCount: 1 << 20)
        var hash = SHA256()
        var found = BlockChecksums()
        var offset: UInt64 = 0
        while offset < byteCount {
            let part = UnsafeMutableRawBufferPointer(
                rebasing: buffer.bytes[..<Int(min(UInt64(buffer.bytes.count), byteCount - offset))])
            try readFile(into: part, at: offset)
            hash.update(UnsafeRawBufferPointer(part))
            found.update(UnsafeRawBufferPointer(part))
            offset += UInt64(part.count)
        }
        found.finish()
        let name = BlobDigest(hash)
        guard name == digest else {
            throw BlobStoreError(
                .damaged, "\(path) is not what was put: its digest is \(name) now; it has changed on disk", blob: digest
            )
        }
        checksums.insert(found, for: digest)
        return found.values
    }

    private func readFile(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(BlobStoreError) {
        var position = 0
        while position < buffer.count {
            let count = pread(
                file.number, buffer.baseAddress.map { $0 + position }, buffer.count - position,
                off_t(offset) + off_t(position))
            if count > 0 {
                position += count
            } else if count == 0 {
                throw BlobStoreError(
                    .damaged,
                    "\(path) ends after \(offset + UInt64(position)) bytes; it had \(byteCount) when it was opened",
                    blob: digest)
            } else if errno != EINTR {
                throw .system("reading", path)
            }
        }
    }

    /// Passes the file's descriptor, which stays the reader's.
    func withDescriptor(_ body: (CInt) throws(BlobStoreError) -> Void) throws(BlobStoreError) { try body(file.number) }

    private func check(_ offset: UInt64, _ count: Int) throws(BlobStoreError) {
        guard count >= 0, offset <= byteCount, UInt64(count) <= byteCount - offset else {
            throw BlobStoreError(
                .outOfRange, "\(count) bytes at offset \(offset) were requested of \(path), which has \(byteCount)")
        }
    }
}
