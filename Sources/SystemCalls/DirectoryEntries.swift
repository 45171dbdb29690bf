import Glibc
import Names

/// The names in the directory at `path` in their text form, without "." and "..", in no particular order.
package func directoryEntries(at path: String) throws(SystemError) -> [String] {
    try names(ofStream: BytePath(text: path).withCString { opendir($0) }).map(\.text)
}

/// The names in the directory `path` relative to the open directory `parent`, as above.
package func directoryEntries(at path: String, in parent: CInt) throws(SystemError) -> [String] {
    try names(
        in: BytePath(text: path).withCString { openat(parent, $0, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    ).map(\.text)
}

/// The names in the directory that was opened by `descriptor`, which is closed; the error of `open` when it is negative.
private func names(in descriptor: CInt) throws(SystemError) -> [FileName] {
    guard descriptor >= 0 else { throw .last }
    guard let stream = fdopendir(descriptor) else {
        let error = SystemError.last
        close(descriptor)
        throw error
    }
    return try names(ofStream: stream)
}

private func names(ofStream stream: OpaquePointer?) throws(SystemError) -> [FileName] {
    guard let stream else { throw .last }
    defer { closedir(stream) }
    var names: [FileName] = []
    while true {
        // Only errno tells the end from an error.
        errno = 0
        guard let entry = readdir(stream) else {
            guard errno == 0 else { throw .last }
            return names
        }
        // "." and ".." are not names of files.
        let name = withUnsafeBytes(of: &entry.pointee.d_name) { FileName($0.prefix { $0 != 0 }) }
        if let name { names.append(name) }
    }
}

/// Removes the file or directory at `path` with all that it contains, as far as the system allows. Does not follow links.
package func removeTree(_ path: String) { BytePath(text: path).withCString { removeTree($0, in: AT_FDCWD) } }

private func removeTree(_ name: UnsafePointer<CChar>, in parent: CInt) {
    if unlinkat(parent, name, 0) == 0 || errno == ENOENT { return }
    let directory = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard directory >= 0 else { return }
    // The listing closes its own descriptor.
    for entry in (try? names(in: dup(directory))) ?? [] {
        entry.withCString { removeTree($0, in: directory) }
    }
    close(directory)
    unlinkat(parent, name, AT_REMOVEDIR)
}
