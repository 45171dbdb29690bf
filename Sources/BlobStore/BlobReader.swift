import Glibc
import JobModel

/// Reads an open blob, at any place, from any number of threads at once. Blocks on the disk.
///
/// The bytes stay readable while the reader lives, even when the blob is removed meanwhile.
public final class BlobReader: Sendable {
    public let byteCount: UInt64
    /// Where the blob's file is, for programs that open it themselves. Read only.
    public let path: String
    /// For mapping the file or sending it. Owned by the reader: valid while it lives, and not to be closed.
    public let fileDescriptor: CInt

    /// Takes over `fileDescriptor`.
    init(fileDescriptor: CInt, byteCount: UInt64, path: String) {
        self.fileDescriptor = fileDescriptor
        self.byteCount = byteCount
        self.path = path
    }

    deinit { close(fileDescriptor) }

    /// The `count` bytes from `offset` on.
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
        var position = 0
        while position < buffer.count {
            let count = pread(
                fileDescriptor, buffer.baseAddress.map { $0 + position }, buffer.count - position,
                off_t(offset) + off_t(position))
            if count > 0 {
                position += count
            } else if count == 0 {
                throw BlobStoreError(
                    .damaged,
                    "\(path) ends after \(offset + UInt64(position)) bytes; it had \(byteCount) when it was opened")
            } else if errno != EINTR {
                throw .system("reading", path)
            }
        }
    }

    private func check(_ offset: UInt64, _ count: Int) throws(BlobStoreError) {
        guard count >= 0, offset <= byteCount, UInt64(count) <= byteCount - offset else {
            throw BlobStoreError(.outOfRange, "bytes \(offset)+\(count) were asked of \(path), which has \(byteCount)")
        }
    }
}
