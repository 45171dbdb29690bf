import Cryptography
import JobModel

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

extension InputFile {
    /// Reads the file from its beginning to its end.
    /// - Returns: its digest, and the bytes that were really there.
    /// - Throws: `ClientError` with the code `unreadable`.
    func hashed() throws(ClientError) -> BlobReference {
        let file = try opened()
        defer { file.close() }
        var hash = SHA256()
        var byteCount: UInt64 = 0
        while true {
            let bytes: [UInt8]
            do { bytes = try file.read(upTo: 256 << 10) } catch { throw unreadable(error.message) }
            if bytes.isEmpty { break }
            hash.update(bytes)
            byteCount += UInt64(bytes.count)
        }
        guard let digest = BlobDigest(hash.finalize()) else {
            preconditionFailure("SHA-256 has 32 bytes")
        }
        return BlobReference(digest: digest, byteCount: byteCount)
    }

    /// The file opened for reading; the caller closes it.
    /// - Throws: `ClientError` with the code `unreadable`.
    func opened() throws(ClientError) -> FileDescriptor {
        let number = open(path, O_RDONLY | O_CLOEXEC)
        guard number >= 0 else { throw unreadable(FileDescriptor.reason()) }
        return FileDescriptor(number)
    }

    private func unreadable(_ why: String) -> ClientError {
        ClientError("unreadable", "cannot read '\(label)': \(why)")
    }
}
