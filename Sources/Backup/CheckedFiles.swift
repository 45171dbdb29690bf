import Cryptography
import Glibc
import JobModel
import SystemCalls

/// Files that are read to their end, and named by what was read.
enum CheckedFiles {
    /// Digest and size of the file at `path`; `nil` when there is none.
    static func contents(of path: String) throws(BackupError) -> BlobReference? {
        guard let file = try open(path) else { return nil }
        return try read(file, path) { _ throws(BackupError) in }
    }

    /// Copies the file at `path` to a new one, which is not durable before `synchronizeFileSystem`.
    /// - Returns: digest and size of the copied bytes, or `nil` when `path` has no file.
    static func copy(_ path: String, to target: String, mode: mode_t) throws(BackupError) -> BlobReference? {
        guard let source = try open(path) else { return nil }
        let copy = Glibc.open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard let copy = OwnedDescriptor(result: copy) else { throw .system("making", target) }
        return try read(source, path) { bytes throws(BackupError) in
            do throws(SystemError) { try copy.writeAll(bytes) } catch { throw .system("writing", target, error) }
        }
    }

    /// The bytes of the file at `path`; `nil` when there is none.
    static func bytes(of path: String) throws(BackupError) -> [UInt8]? {
        guard let file = try open(path) else { return nil }
        var bytes: [UInt8] = []
        _ = try read(file, path) { bytes.append(contentsOf: $0) }
        return bytes
    }

    /// Writes a new file, and waits for the disk.
    static func write(_ bytes: [UInt8], toNew path: String) throws(BackupError) {
        let file = Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard let file = OwnedDescriptor(result: file) else { throw .system("making", path) }
        do { try file.writeAll(bytes) } catch { throw .system("writing", path, error) }
        guard fsync(file.number) == 0 else { throw .system("syncing", path) }
    }

    static func makeDirectory(_ path: String) throws(BackupError) {
        guard mkdir(path, 0o700) == 0 else { throw .system("making", path) }
    }

    static func rename(_ path: String, to target: String) throws(BackupError) {
        guard Glibc.rename(path, target) == 0 else { throw .system("renaming \(path) to", target) }
    }

    /// Makes the names in a directory durable.
    static func synchronize(_ directory: String) throws(BackupError) {
        guard let file = OwnedDescriptor(result: Glibc.open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) else {
            throw .system("opening", directory)
        }
        guard fsync(file.number) == 0 else { throw .system("syncing", directory) }
        _ = consume file
    }

    static func exists(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0
    }

    private static func open(_ path: String) throws(BackupError) -> OwnedDescriptor? {
        let file = Glibc.open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        if file < 0, errno == ENOENT { return nil }
        guard let file = OwnedDescriptor(result: file) else { throw .system("opening", path) }
        return file
    }

    private static func read(
        _ file: borrowing OwnedDescriptor, _ path: String,
        _ body: (UnsafeRawBufferPointer) throws(BackupError) -> Void
    ) throws(BackupError) -> BlobReference {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
        defer { buffer.deallocate() }
        var hash = SHA256()
        var byteCount: UInt64 = 0
        while true {
            let count = Glibc.read(file.number, buffer.baseAddress, buffer.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw .system("reading", path)
            }
            guard count > 0 else { break }
            let part = UnsafeRawBufferPointer(rebasing: buffer[..<count])
            hash.update(part)
            byteCount += UInt64(count)
            try body(part)
        }
        guard let digest = BlobDigest(hash.finalize()) else { preconditionFailure("SHA-256 has 32 bytes") }
        return BlobReference(digest: digest, byteCount: byteCount)
    }
}

/// A file system that is to have everything that was written since this value was made.
struct FileSystemSync: ~Copyable {
    private let directory: OwnedDescriptor
    private let path: String

    /// - Parameter path: a directory there. An error of a write after this is reported by `finish`.
    init(of path: String) throws(BackupError) {
        guard let directory = OwnedDescriptor(result: open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) else {
            throw .system("opening", path)
        }
        self.directory = directory
        self.path = path
    }

    /// Waits for the disk, once for all files.
    borrowing func finish() throws(BackupError) {
        do { try synchronizeFileSystem(of: directory.number) } catch { throw .system("syncing", path, error) }
    }
}
