import Glibc
import SystemCalls

/// The permission bits of files.
enum FileMode {
    static func of(_ path: String) throws -> mode_t {
        var status = stat()
        guard stat(path, &status) == 0 else { throw SystemError.last }
        return status.st_mode & 0o7777
    }

    static func set(_ mode: mode_t, _ path: String) throws {
        guard chmod(path, mode) == 0 else { throw SystemError.last }
    }
}
