import Glibc
import JobModel

/// A file mapped into memory, read-only.
final class MappedFile {
    let bytes: UnsafeRawBufferPointer

    /// - Parameter byteCount: what the file must have; `nil` for whatever it has.
    init(_ path: String, byteCount: Int? = nil) throws(RankFailure) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system("open", path) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .system("examine", path) }
        let size = Int(status.st_size)
        guard byteCount == nil || byteCount == size else {
            throw RankFailure(.workerError, "\(path) has \(size) bytes; the order needs \(byteCount ?? size)")
        }
        guard size > 0 else {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        guard let base = mmap(nil, size, PROT_READ, MAP_SHARED, descriptor, 0), base != MAP_FAILED else {
            throw .system("map", path)
        }
        bytes = UnsafeRawBufferPointer(start: base, count: size)
    }

    deinit {
        if let base = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: base), bytes.count) }
    }

    /// All bytes of a small file.
    ///
    /// - Parameter byteCount: what the file must have; `nil` for whatever it has.
    static func contents(of path: String, byteCount: Int? = nil) throws(RankFailure) -> [UInt8] {
        let file = try MappedFile(path, byteCount: byteCount)
        return withExtendedLifetime(file) { [UInt8](file.bytes) }
    }
}

/// A file to write. Written by `pwrite`, or mapped after its memory is reserved, so that a full file system is an error and
/// not a SIGBUS.
final class OutputFile {
    private let path: String
    private let descriptor: Int32

    /// Creates `path`, or empties it.
    static func create(_ path: String) throws(RankFailure) -> OutputFile {
        try OutputFile(path, O_RDWR | O_CREAT | O_TRUNC)
    }

    /// Opens `path`, which another rank has created.
    static func join(_ path: String) throws(RankFailure) -> OutputFile { try OutputFile(path, O_RDWR) }

    private init(_ path: String, _ flags: Int32) throws(RankFailure) {
        self.path = path
        descriptor = open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw .system("create", path) }
    }

    deinit { close(descriptor) }

    /// Writes all of `bytes` at `offset`.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(RankFailure) {
        var done = 0
        while done < bytes.count {
            let count = pwrite(
                descriptor, bytes.baseAddress.unsafelyUnwrapped + done, bytes.count - done, offset + done)
            if count < 0 && errno != EINTR { throw .system("write to", path) }
            done += max(count, 0)
        }
    }

    /// Claims room for `byteCount` bytes, and makes the file as long.
    func reserve(_ byteCount: Int) throws(RankFailure) {
        let code = posix_fallocate(descriptor, 0, byteCount)
        // It returns its error instead of setting it.
        errno = code
        guard code == 0 else { throw .system("reserve \(byteCount) bytes of", path) }
    }

    /// Calls `body` with the first `byteCount` bytes, which must be reserved: what it writes there is in the file.
    func map(_ byteCount: Int, _ body: (UnsafeMutableRawBufferPointer) -> Void) throws(RankFailure) {
        guard let base = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), base != MAP_FAILED
        else { throw .system("map", path) }
        body(UnsafeMutableRawBufferPointer(start: base, count: byteCount))
        munmap(base, byteCount)
    }

    func write(_ bytes: [UInt8], at offset: Int) throws(RankFailure) {
        let result: Result<Void, RankFailure> = bytes.withUnsafeBytes { buffer in
            do throws(RankFailure) { return .success(try write(buffer, at: offset)) } catch { return .failure(error) }
        }
        try result.get()
    }

    /// Writes `parts` one after the other, from the beginning.
    ///
    /// - Returns: bytes of all of them.
    @discardableResult
    func write(_ parts: [[UInt8]]) throws(RankFailure) -> Int {
        var offset = 0
        for part in parts {
            try write(part, at: offset)
            offset += part.count
        }
        return offset
    }
}
