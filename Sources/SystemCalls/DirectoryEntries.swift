import Glibc

/// The names in the directory at `path`, without "." and "..", in no particular order.
package func directoryEntries(at path: String) throws(SystemError) -> [String] {
    try directoryEntries(ofStream: opendir(path))
}

/// The names in the directory `path` relative to the open directory `parent`, without "." and "..", in no particular order.
package func directoryEntries(at path: String, in parent: CInt) throws(SystemError) -> [String] {
    let descriptor = openat(parent, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .last }
    guard let stream = fdopendir(descriptor) else {
        let error = SystemError.last
        close(descriptor)
        throw error
    }
    return try directoryEntries(ofStream: stream)
}

private func directoryEntries(ofStream stream: OpaquePointer?) throws(SystemError) -> [String] {
    guard let stream else { throw .last }
    defer { closedir(stream) }
    var names: [String] = []
    while true {
        // Only errno tells the end from an error.
        errno = 0
        guard let entry = readdir(stream) else {
            guard errno == 0 else { throw .last }
            return names
        }
        let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        if name != "." && name != ".." { names.append(name) }
    }
}

/// Removes the file or directory at `path` with all that it contains, as far as the system allows. Does not follow links.
package func removeTree(_ path: String) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return }
    if status.st_mode & S_IFMT == S_IFDIR {
        for name in (try? directoryEntries(at: path)) ?? [] { removeTree("\(path)/\(name)") }
    }
    remove(path)
}
