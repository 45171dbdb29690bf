import Glibc

/// A world's private folder in shared memory: its socket, Open MPI's session, and the files of the order in progress.
///
/// ```
///   /dev/shm/tessera-world-x7Q2fa/     0700, locked (flock) as long as its worker lives
///       socket                         where the ranks connect
///       session/                       Open MPI's; emptied whenever the world is started
///       files/                         rows, segments and summaries; the slot's
/// ```
///
/// It is removed with this value. What a killed worker left is recognised by the lock that nobody holds any more,
/// and removed by the next worker of the same user.
final class WorldDirectory {
    private static let prefix = "tessera-world-"

    let path: String
    /// Keeps the lock.
    private let descriptor: FileDescriptor

    var socketPath: String { path + "/socket" }
    var sessionPath: String { path + "/session" }
    var filesPath: String { path + "/files" }

    /// - Parameter base: a folder on a memory file system, short enough for a socket's path within it (107 bytes).
    init(in base: String) throws(WorldError) {
        while true {
            var template = Array("\(base)/\(Self.prefix)XXXXXX".utf8CString)
            guard mkdtemp(&template) != nil else {
                throw .notStarted("cannot create a folder in \(base): \(systemMessage())", outputTail: "")
            }
            let path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
            // Another worker's sweep may have come between the creation and the lock: then start over.
            if let descriptor = Self.lock(path), Self.names(path, descriptor) {
                self.path = path
                self.descriptor = descriptor
                break
            }
        }
        guard mkdir(filesPath, 0o700) == 0 else {
            throw .notStarted("cannot create \(filesPath): \(systemMessage())", outputTail: "")
        }
    }

    deinit { Self.removeTree(path) }

    /// Makes the session folder empty and the socket's name free.
    func prepareSession() throws(WorldError) {
        unlink(socketPath)
        Self.removeTree(sessionPath)
        guard mkdir(sessionPath, 0o700) == 0 else {
            throw .notStarted("cannot create \(sessionPath): \(systemMessage())", outputTail: "")
        }
    }

    /// Removes what workers of this user that no longer live have left in `base`.
    ///
    /// - Returns: how many folders were removed.
    @discardableResult
    static func sweep(_ base: String) -> Int {
        var removed = 0
        for name in entries(of: base) {
            guard name.hasPrefix(prefix) else { continue }
            let path = "\(base)/\(name)"
            var status = stat()
            guard lstat(path, &status) == 0, status.st_uid == geteuid(), status.st_mode & S_IFMT == S_IFDIR else {
                continue
            }
            guard let lock = lock(path) else { continue }
            withExtendedLifetime(lock) { removeTree(path) }
            removed += 1
        }
        return removed
    }

    /// - Returns: `nil` when somebody else holds the lock or the folder is gone.
    private static func lock(_ path: String) -> FileDescriptor? {
        let number = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard number >= 0 else { return nil }
        let descriptor = FileDescriptor(number)
        return flock(number, LOCK_EX | LOCK_NB) == 0 ? descriptor : nil
    }

    /// Whether `path` is still the folder that `descriptor` is open on.
    private static func names(_ path: String, _ descriptor: FileDescriptor) -> Bool {
        var byPath = stat()
        var byDescriptor = stat()
        return lstat(path, &byPath) == 0 && fstat(descriptor.number, &byDescriptor) == 0
            && byPath.st_ino == byDescriptor.st_ino && byPath.st_dev == byDescriptor.st_dev
    }

    private static func removeTree(_ path: String) {
        // A symbolic link is removed, not followed.
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        if status.st_mode & S_IFMT == S_IFDIR {
            for name in entries(of: path) { removeTree("\(path)/\(name)") }
        }
        remove(path)
    }

    private static func entries(of folder: String) -> [String] {
        guard let stream = opendir(folder) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }
}

/// An open file, closed with this value.
final class FileDescriptor {
    let number: Int32
    init(_ number: Int32) { self.number = number }
    deinit { close(number) }
}

/// What the last failed system call says.
func systemMessage(_ code: Int32 = errno) -> String { String(cString: strerror(code)) }
