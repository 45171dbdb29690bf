import Glibc
import SystemCalls

/// A world's private directory in shared memory: its socket, Open MPI's session, and the files of the order in progress.
///
/// ```
///   /dev/shm/tessera-world-x7Q2fa/     0700, locked (flock) as long as its worker lives
///       socket                         the ranks connect to it
///       session/                       Open MPI's; emptied whenever the world is started
///       files/                         rows, segments and summaries of the slot
/// ```
///
/// It is removed with this value. A directory that a killed worker left is recognised by its lock, which no process holds, and
/// removed by the worker's sweeper (`ScratchSweeper`), or by the next worker of the same user.
///
/// Somebody may remove it under a living worker (a cleaner of temporary files; a service manager that removes a user's shared
/// memory): `restore` makes it again.
final class WorldDirectory {
    private static let prefix = "tessera-world-"

    let path: String
    private let base: String
    /// Holds the lock.
    private var descriptor: OwnedDescriptor

    var socketPath: String { path + "/socket" }
    var sessionPath: String { path + "/session" }
    var filesPath: String { path + "/files" }

    /// - Parameter base: a directory on a memory file system, short enough for a socket's path within it (107 bytes).
    init(in base: String) throws(WorldError) {
        self.base = base
        while true {
            var template = Array("\(base)/\(Self.prefix)XXXXXX".utf8CString)
            guard mkdtemp(&template) != nil else {
                throw .notStarted(Self.lost(base, SystemError.last), outputTail: "")
            }
            let path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
            // Another worker's sweep may have removed it between the creation and the lock: then start over.
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

    deinit { if Self.names(path, descriptor.number) { removeTree(path) } }

    /// Makes what was removed of the directory again.
    ///
    /// - Returns: whether something was missing.
    @discardableResult
    func restore() throws(WorldError) -> Bool {
        var isRestored = false
        if !Self.names(path, descriptor.number) {
            guard mkdir(path, 0o700) == 0 else {
                throw .notStarted(Self.lost(base, SystemError.last), outputTail: "")
            }
            guard let fresh = Self.lock(path), Self.names(path, fresh.number) else {
                throw .notStarted("\(path) was removed, and is removed again as soon as it is made", outputTail: "")
            }
            descriptor = fresh
            isRestored = true
        }
        if mkdir(filesPath, 0o700) == 0 {
            isRestored = true
        } else if errno != EEXIST {
            throw .notStarted("cannot create \(filesPath): \(SystemError.last)", outputTail: "")
        }
        return isRestored
    }

    /// The words for a base in which no directory can be made.
    private static func lost(_ base: String, _ error: SystemError) -> String {
        error.code == ENOENT
            ? "the scratch directory \(base) does not exist (--scratch-dir)"
            : "cannot create a directory in the scratch directory \(base) (--scratch-dir): \(error)"
    }

    /// Empties the session directory and frees the socket's name.
    func prepareSession() throws(WorldError) {
        unlink(socketPath)
        removeTree(sessionPath)
        guard mkdir(sessionPath, 0o700) == 0 else {
            throw .notStarted("cannot create \(sessionPath): \(SystemError.last)", outputTail: "")
        }
    }

    /// Removes the directories of this user's ended workers in `base`.
    ///
    /// - Returns: the number of directories that were removed.
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

    /// - Returns: `nil` when another process holds the lock or the directory does not exist.
    private static func lock(_ path: String) -> OwnedDescriptor? {
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
        guard let descriptor = OwnedDescriptor(result: open(path, flags)),
            flock(descriptor.number, LOCK_EX | LOCK_NB) == 0
        else { return nil }
        return descriptor
    }

    /// Whether `path` is still the directory that `descriptor` is open on.
    private static func names(_ path: String, _ descriptor: CInt) -> Bool {
        var byPath = stat()
        var byDescriptor = stat()
        return lstat(path, &byPath) == 0 && fstat(descriptor, &byDescriptor) == 0
            && byPath.st_ino == byDescriptor.st_ino && byPath.st_dev == byDescriptor.st_dev
    }
}
