import Cryptography
import GatewayLogic
import Glibc
import SystemCalls

/// The bytes of uploads, one file each, in a directory. The functions block.
package struct Spool: Sendable {
    package let path: String

    /// Uses the directory at `path`, which is made if there is none.
    package init(path: String) throws {
        self.path = path
        if mkdir(path, 0o700) != 0, errno != EEXIST { throw StoreError(path: path, reason: "\(SystemError.last)") }
    }

    private func path(of upload: String) -> String { path + "/" + upload }

    /// Opens the file of an upload, which is made if there is none, and cuts off what is behind `offset`: bytes that were not
    /// yet durable when a process ended. The name of a file that is new is durable only after `syncNames`.
    package func open(_ upload: String, at offset: UInt64) throws -> SpoolFile {
        precondition(UploadRecord.isID(upload), "'\(upload)' is not the id of an upload")
        let number = Glibc.open(path(of: upload), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard let descriptor = OwnedDescriptor(result: number) else { throw failure(of: upload) }
        var status = stat()
        guard fstat(number, &status) == 0, ftruncate(number, off_t(offset)) == 0 else { throw failure(of: upload) }
        guard UInt64(status.st_size) >= offset else {
            throw StoreError(
                path: path(of: upload),
                reason: "it has \(status.st_size) bytes, but \(offset) were stored; it was changed")
        }
        return SpoolFile(descriptor, path: path(of: upload))
    }

    /// Opens the file of an upload that is complete, for reading; `nil` when it is gone.
    package func reading(_ upload: String) -> SpoolFile? {
        precondition(UploadRecord.isID(upload), "'\(upload)' is not the id of an upload")
        let number = Glibc.open(path(of: upload), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard let descriptor = OwnedDescriptor(result: number) else { return nil }
        return SpoolFile(descriptor, path: path(of: upload))
    }

    package func remove(_ upload: String) {
        guard UploadRecord.isID(upload) else { return }
        unlink(path(of: upload))
    }

    /// The ids of the files that are there.
    package func uploads() throws -> [String] { try directoryEntries(at: path).filter(UploadRecord.isID) }

    /// Bytes that the file system has for us.
    package var availableByteCount: UInt64 {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { return .max }
        return UInt64(status.f_bavail) * UInt64(status.f_frsize)
    }

    /// Returns when the names of all files that were made before survive a loss of power.
    package func syncNames() throws {
        guard let directory = OwnedDescriptor(result: Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
            fsync(directory.number) == 0
        else { throw StoreError(path: path, reason: "\(SystemError.last)") }
    }

    private func failure(of upload: String) -> StoreError {
        StoreError(path: path(of: upload), reason: "\(SystemError.last)")
    }
}

/// An open file of the spool.
package final class SpoolFile: Sendable {
    private let descriptor: OwnedDescriptor
    package let path: String

    fileprivate init(_ descriptor: consuming OwnedDescriptor, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    /// Borrowed: valid as long as this file is.
    package var number: CInt { descriptor.number }

    package func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws {
        var done = 0
        while done < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
            let count = pwrite(number, rest.baseAddress, rest.count, off_t(offset) + off_t(done))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure() }
            done += count
        }
    }

    /// Lets the disk begin to write these bytes, so that `sync` has less to wait for. Promises nothing.
    package func startWriting(_ bytes: Range<UInt64>) {
        SystemCalls.startWriting(bytes, of: number)
    }

    /// Returns when all that was written survives a loss of power.
    package func sync() throws {
        guard fdatasync(number) == 0 else { throw failure() }
    }

    package func read(at offset: UInt64, count: Int) throws -> [UInt8] {
        var done = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initializedCount in
            while done < count {
                let got = pread(number, buffer.baseAddress.map { $0 + done }, count - done, off_t(offset) + off_t(done))
                if got < 0, errno == EINTR { continue }
                guard got > 0 else { break }
                done += got
            }
            initializedCount = done
        }
        guard done == count else {
            throw StoreError(path: path, reason: "\(done) of \(count) bytes could be read at \(offset)")
        }
        return bytes
    }

    /// The SHA-256 of the first `byteCount` bytes, in hexadecimal.
    package func digest(byteCount: UInt64) throws -> String {
        var hash = SHA256()
        var offset: UInt64 = 0
        while offset < byteCount {
            let bytes = try read(at: offset, count: Int(min(1 << 20, byteCount - offset)))
            hash.update(bytes)
            offset += UInt64(bytes.count)
        }
        return HexText.text(hash.finalize())
    }

    private func failure() -> any Error {
        let error = SystemError.last
        guard error.code == ENOSPC || error.code == EDQUOT else { return StoreError(path: path, reason: "\(error)") }
        return Problem(
            503, "spool-full", "the gateway's disk is full; make room where the spool is, or send the rest later"
        ).with("Retry-After", "60")
    }
}
