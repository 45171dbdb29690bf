import Glibc
import Names

/// A directory that is not there and cannot be made.
package struct DirectoryError: Error {
    package let path: BytePath
    package let reason: SystemError
    /// Whether there is another file of the name.
    package var isInTheWay: Bool { reason.code == ENOTDIR }
}

/// Makes the directory at `path` and the missing ones above it.
///
/// - Parameter mode: permissions of those that are made, less what the umask takes away.
package func makeDirectories(to path: BytePath, mode: mode_t = 0o700) throws(DirectoryError) {
    for way in path.ways where way.withCString({ mkdir($0, mode) }) != 0 {
        // Of a directory that exists, some systems say first that they are read-only.
        let reason = SystemError.last
        var status = stat()
        guard way.withCString({ stat($0, &status) }) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw DirectoryError(path: way, reason: reason.code == EEXIST ? SystemError(code: ENOTDIR) : reason)
        }
    }
}
