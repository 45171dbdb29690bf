import Glibc
import SystemCalls

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
    private let descriptor: OwnedDescriptor

    var socketPath: String { path + "/socket" }
    var sessionPath: String { path + "/session" }
    var filesPath: String { path + "/files" }

    /// - Parameter base: a folder on a memory file system, short enough for a socket's path within it (107 bytes).
    init(in base: String) throws(WorldError) {
        while true {
            var template = Array("\(base)/\(Self.prefix)XXXXXX".utf8CString)
            guard mkdtemp(&template) != nil else {
                throw .notStarted("cannot create a folder in \(base): \(SystemError.last)", outputTail: "")
            }
            let path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
            // Another worker's sweep may have come between the creation and the lock: then start over.
            if let descriptor = Self.lock(path), Self.names(path, descriptor.number) {
                self.path = path
                self.descriptor = descriptor
                break
            }
        }
        guard mkdir(filesPath, 0o700) == 0 else {
            throw .notStarted("cannot create \(filesPath): \(SystemError.last)", outputTail: "")
        }
    }

    deinit { removeTree(path) }

    /// Makes the session folder empty and the socket's name free.
    func prepareSession() throws(WorldError) {
        unlink(socketPath)
        removeTree(sessionPath)
        guard mkdir(sessionPath, 0o700) == 0 else {
            throw .notStarted("cannot create \(sessionPath): \(SystemError.last)", outputTail: "")
        }
    }

    /// Removes what workers of this user that no longer live have left in `base`.
    ///
    /// - Returns: how many folders were removed.
    @discardableResult
    static func sweep(_ base: String) -> Int {
        var removed = 0
        for name in (try? directoryEntries(at: base)) ?? [] {
            guard name.hasPrefix(prefix) else { continue }
            let path = "\(base)/\(name)"
            var status = stat()
            guard lstat(path, &status) == 0, status.st_uid == geteuid(), status.st_mode & S_IFMT == S_IFDIR else {
                continue
            }
            if let lock = lock(path) {
                removeTree(path)
                removed += 1
                _ = consume lock
            }
        }
        return removed
    }

    /// - Returns: `nil` when somebody else holds the lock or the folder is gone.
    private static func lock(_ path: String) -> OwnedDescriptor? {
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
        guard let descriptor = OwnedDescriptor(result: open(path, flags)),
            flock(descriptor.number, LOCK_EX | LOCK_NB) == 0
        else { return nil }
        return descriptor
    }

    /// Whether `path` is still the folder that `descriptor` is open on.
    private static func names(_ path: String, _ descriptor: CInt) -> Bool {
        var byPath = stat()
        var byDescriptor = stat()
        return lstat(path, &byPath) == 0 && fstat(descriptor, &byDescriptor) == 0
            && byPath.st_ino == byDescriptor.st_ino && byPath.st_dev == byDescriptor.st_dev
    }
}
