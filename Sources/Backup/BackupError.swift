import Glibc
import SystemCalls

/// Why a backup could not be made or restored.
public struct BackupError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: String, Hashable, Sendable, CaseIterable {
        /// The place of the new backup is taken.
        case exists = "backup-exists"
        /// The directory does not have a backup, or not a whole one.
        case notBackup = "backup-not-found"
        /// A file of the backup is not what was written.
        case damaged = "backup-damaged"
        /// The backup is of another form than this release knows.
        case newerForm = "backup-newer"
        /// The state directory has something in it.
        case notEmpty = "backup-state-not-empty"
        /// The file system failed.
        case system = "backup-system-error"
    }

    public let code: Code
    /// For a person: what happened, with which value, and what to do.
    public let description: String

    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }

    /// The error that stands for a failed system call on `path`.
    static func system(_ action: String, _ path: String, _ error: SystemError = .last) -> BackupError {
        let remedy =
            switch error.code {
            case ENOSPC, EDQUOT: "; free space there, or name a directory on a larger disk"
            case EACCES, EPERM: "; run the command as root, or as the master's user"
            default: ""
            }
        return BackupError(.system, "\(action) \(path) failed: \(error)\(remedy)")
    }
}
