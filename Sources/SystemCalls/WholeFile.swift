import Glibc

/// Replaces the file at `path` by one with these bytes, so that a reader finds the old file or the whole new one. Does not wait
/// for the disk.
///
/// - Parameter mode: of the new file, before the process's mask.
package func replaceFile(at path: String, with bytes: [UInt8], mode: mode_t = 0o644) throws(SystemError) {
    let temporary = "\(path).\(getpid()).tmp"
    do throws(SystemError) {
        try writeFile(at: temporary, bytes, mode: mode)
        guard rename(temporary, path) == 0 else { throw SystemError.last }
    } catch {
        unlink(temporary)
        throw error
    }
}

private func writeFile(at path: String, _ bytes: [UInt8], mode: mode_t) throws(SystemError) {
    guard let file = OwnedDescriptor(result: open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)) else {
        throw SystemError.last
    }
    try file.writeAll(bytes)
}
