import Glibc

/// Replaces the file at `path` by one with these bytes, so that a reader finds the old file or the whole new one.
///
/// - Parameters:
///   - mode: of the new file, before the process's mask.
///   - isDurable: whether to wait for the disk, so that the new file is there after a power cut.
package func replaceFile(
    at path: String, with bytes: [UInt8], mode: mode_t = 0o644, isDurable: Bool = false
) throws(SystemError) {
    let temporary = "\(path).\(getpid()).tmp"
    do throws(SystemError) {
        try writeFile(at: temporary, bytes, mode: mode, isDurable: isDurable)
        guard rename(temporary, path) == 0 else { throw SystemError.last }
        if isDurable { try synchronizeDirectory(of: path) }
    } catch {
        unlink(temporary)
        throw error
    }
}

private func writeFile(at path: String, _ bytes: [UInt8], mode: mode_t, isDurable: Bool) throws(SystemError) {
    guard let file = OwnedDescriptor(result: open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)) else {
        throw SystemError.last
    }
    try file.writeAll(bytes)
    if isDurable, fsync(file.number) != 0 { throw SystemError.last }
}

private func synchronizeDirectory(of path: String) throws(SystemError) {
    let parent = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    guard let directory = OwnedDescriptor(result: open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
        fsync(directory.number) == 0
    else { throw SystemError.last }
}
