import Glibc
import SystemCalls

/// The lock of a state directory: one gateway at a time uses it. It ends with this value, and with the process.
package struct StateLock: ~Copyable, Sendable {
    private let descriptor: OwnedDescriptor

    /// - Throws: `StoreError` when another process has it.
    package init(directory: String) throws {
        let path = directory + "/lock"
        guard let descriptor = OwnedDescriptor(result: open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)) else {
            throw StoreError(path: path, reason: "\(SystemError.last)")
        }
        guard flock(descriptor.number, LOCK_EX | LOCK_NB) == 0 else {
            throw StoreError(path: path, reason: "another gateway uses this directory; give each its own --state-dir")
        }
        self.descriptor = descriptor
    }

    /// Whether a gateway uses the directory.
    package static func isHeld(directory: String) throws -> Bool {
        let path = directory + "/lock"
        guard let descriptor = OwnedDescriptor(result: open(path, O_RDWR | O_CLOEXEC)) else {
            if errno == ENOENT || errno == ENOTDIR { return false }
            throw StoreError(path: path, reason: "\(SystemError.last)")
        }
        // Shared, so that two that ask do not take each other for the gateway.
        return flock(descriptor.number, LOCK_SH | LOCK_NB) != 0
    }
}
