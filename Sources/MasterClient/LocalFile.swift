import Cryptography
import NIOCore
import NIOPosix

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// File calls, made on threads that may block.
struct LocalFile: Sendable {
    let descriptor: Int32
    /// The size when it was opened.
    let byteCount: UInt64

    static func open(readingAt path: String) async throws -> LocalFile {
        try await onFileThread { try opened(path, O_RDONLY) }
    }

    static func open(writingAt path: String) async throws -> LocalFile {
        try await onFileThread { try opened(path, O_WRONLY | O_CREAT | O_TRUNC) }
    }

    private static func opened(_ path: String, _ flags: Int32) throws -> LocalFile {
        #if canImport(Darwin)
            let descriptor = Darwin.open(path, flags | O_CLOEXEC, 0o644)
        #elseif canImport(Musl)
            let descriptor = Musl.open(path, flags | O_CLOEXEC, 0o644)
        #else
            let descriptor = Glibc.open(path, flags | O_CLOEXEC, 0o644)
        #endif
        guard descriptor >= 0 else { throw failure("open \(path)") }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            let error = failure("examine \(path)")
            close(descriptor)
            throw error
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw BlobTransferError(.file, "\(path) is not a regular file")
        }
        return LocalFile(descriptor: descriptor, byteCount: UInt64(status.st_size))
    }

    /// Runs `body`, then closes the file.
    func closing<Result>(_ body: () async throws -> Result) async throws -> Result {
        let result: Result
        do {
            result = try await body()
        } catch {
            close(descriptor)
            throw error
        }
        // A failed close may be the first word of a write that did not reach the disk.
        try await Self.onFileThread { [descriptor] in
            guard close(descriptor) == 0 else { throw Self.failure("close the file") }
        }
        return result
    }

    /// Reads at least one byte and up to `count`, and updates a digest with them.
    static func read(
        _ count: Int, from descriptor: Int32, at offset: UInt64, updating digest: SHA256
    ) async throws -> (ByteBuffer, SHA256) {
        try await onFileThread {
            var bytes = ByteBufferAllocator().buffer(capacity: count)
            while bytes.readableBytes < count {
                let position = off_t(offset) + off_t(bytes.readableBytes)
                let wanted = count - bytes.readableBytes
                var got = 0
                bytes.writeWithUnsafeMutableBytes(minimumWritableBytes: wanted) { space in
                    got = pread(descriptor, space.baseAddress, wanted, position)
                    return max(0, got)
                }
                if got > 0 || (got < 0 && errno == EINTR) { continue }
                guard got == 0 else { throw failure("read \(wanted) bytes at offset \(position)") }
                throw BlobTransferError(
                    .sourceChanged,
                    "the file has no byte at offset \(position), though it had when its transfer began; send it again")
            }
            var digest = digest
            bytes.withUnsafeReadableBytes { digest.update($0) }
            return (bytes, digest)
        }
    }

    /// Writes all of `bytes`.
    static func write(_ bytes: ByteBuffer, to descriptor: Int32, at offset: UInt64) async throws {
        try await onFileThread {
            try bytes.withUnsafeReadableBytes { bytes in
                var written = 0
                while written < bytes.count {
                    let rest = UnsafeRawBufferPointer(rebasing: bytes[written...])
                    let count = pwrite(descriptor, rest.baseAddress, rest.count, off_t(offset) + off_t(written))
                    if count < 0, errno == EINTR { continue }
                    guard count > 0 else { throw failure("write \(bytes.count) bytes at offset \(offset)") }
                    written += count
                }
            }
        }
    }

    private static func failure(_ what: String) -> BlobTransferError {
        let reason = String(cString: strerror(errno))
        return BlobTransferError(.file, "cannot \(what): \(reason)", reason: reason)
    }

    private static func onFileThread<Result: Sendable>(
        _ body: @escaping @Sendable () throws -> Result
    ) async throws -> Result {
        try await NIOThreadPool.singleton.runIfActive(body)
    }
}
