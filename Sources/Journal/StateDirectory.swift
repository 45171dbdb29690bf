import Glibc

/// The master's state directory, held exclusively: at most one living process has it.
///
/// The lock is flock(2) on a file in it, so it ends with the process, however that ends; the process identifier in the
/// file is for people only.
package struct StateDirectory: ~Copyable {
    package let path: String
    private var lock: CInt

    /// Makes the directory if needed (mode 0700), and locks it.
    package init(path: String) throws(JournalError) {
        if mkdir(path, 0o700) == 0 {
            try Self.synchronize(path + "/..")
        } else if errno != EEXIST {
            throw .directoryUnusable(path: path, reason: Self.lastError)
        }
        lock = try Self.makeLock(in: path)
        self.path = path
    }

    deinit { close(lock) }

    /// Locks the directory again if somebody removed or replaced the file: the lock that is held is then on a file that no other
    /// process can find.
    ///
    /// - Returns: whether that was necessary.
    /// - Throws: when another process has locked the new file.
    mutating func keepLock() throws(JournalError) -> Bool {
        var held = stat()
        var named = stat()
        guard fstat(lock, &held) == 0 else { return false }
        if stat(path + "/lock", &named) == 0, named.st_ino == held.st_ino, named.st_dev == held.st_dev { return false }
        let fresh = try Self.makeLock(in: path)
        close(lock)
        lock = fresh
        return true
    }

    private static func makeLock(in path: String) throws(JournalError) -> CInt {
        let file = path + "/lock"
        let lock = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard lock >= 0 else { throw .directoryUnusable(path: path, reason: "\(file): \(Self.lastError)") }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            let isTaken = errno == EWOULDBLOCK
            let reason = "\(file): \(Self.lastError)"
            let holder = Self.holder(lock)
            close(lock)
            throw isTaken ? .inUse(path: path, processID: holder) : .directoryUnusable(path: path, reason: reason)
        }
        let text = "\(getpid())\n"
        guard ftruncate(lock, 0) == 0, pwrite(lock, text, text.utf8.count, 0) == text.utf8.count else {
            let reason = "\(file): \(Self.lastError)"
            close(lock)
            throw .directoryUnusable(path: path, reason: reason)
        }
        return lock
    }

    /// Makes the names in the directory durable.
    borrowing func synchronize() throws(JournalError) {
        try Self.synchronize(path)
    }

    private static func synchronize(_ directory: String) throws(JournalError) {
        let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .directoryUnusable(path: directory, reason: lastError) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw .directoryUnusable(path: directory, reason: lastError) }
    }

    private static func holder(_ lock: CInt) -> Int32? {
        var bytes = [UInt8](repeating: 0, count: 16)
        let count = pread(lock, &bytes, bytes.count, 0)
        guard count > 0 else { return nil }
        return Int32(String(decoding: bytes[..<count].prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self))
    }

    private static var lastError: String { String(cString: strerror(errno)) }
}
