import Glibc

/// The bytes of a file, mapped for reading.
struct MappedFile: ~Copyable {
    private let bytes: UnsafeMutableRawBufferPointer

    /// - Returns: `nil` when there is no such file.
    init?(path: String) throws(JournalError) {
        func unusable() -> JournalError { .databaseUnusable(path: path, reason: String(cString: strerror(errno))) }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw unusable()
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw unusable() }
        guard status.st_size > 0 else {
            bytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)
            return
        }
        let count = Int(status.st_size)
        guard let start = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED else {
            throw unusable()
        }
        bytes = UnsafeMutableRawBufferPointer(start: start, count: count)
    }

    deinit {
        if let start = bytes.baseAddress { munmap(start, bytes.count) }
    }

    var byteCount: Int { bytes.count }

    borrowing func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        body(UnsafeRawBufferPointer(bytes))
    }
}
