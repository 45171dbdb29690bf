import CSystemCalls
import Glibc
import Names

/// An open directory, whose files are named by one component each: nothing that is done by it happens elsewhere, whatever
/// becomes of the paths that lead to it. It is closed with its last reference.
package final class OpenDirectory: Sendable {
    private let descriptor: CInt

    /// - Throws: the error of `open`; `ENOTDIR` for something else.
    package init(at path: BytePath) throws(SystemError) {
        descriptor = path.withCString { tsr_system_open_directory($0) }
        guard descriptor >= 0 else { throw .last }
    }

    deinit { close(descriptor) }

    /// The status of `name` itself, not of what a link leads to; `nil` when there is no such file.
    package func status(of name: FileName) throws(SystemError) -> stat? {
        var status = stat()
        if name.withCString({ fstatat(descriptor, $0, &status, AT_SYMLINK_NOFOLLOW) }) == 0 { return status }
        guard errno == ENOENT else { throw .last }
        return nil
    }

    /// What the symbolic link `name` says.
    package func link(at name: FileName) throws(SystemError) -> BytePath {
        var bytes = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = name.withCString { name in
            bytes.withUnsafeMutableBytes { buffer in
                buffer.withMemoryRebound(to: CChar.self) { readlinkat(descriptor, name, $0.baseAddress!, $0.count) }
            }
        }
        guard count >= 0 else { throw .last }
        return BytePath(bytes[..<count])
    }

    /// A new file without a name, which ends with its descriptor unless `give(_:the:)` names it.
    /// - Throws: `EOPNOTSUPP` where the file system, the kernel or the missing /proc does not have it.
    package func openUnnamed(mode: mode_t) throws(SystemError) -> CInt {
        let file = tsr_system_open_unnamed(descriptor, mode)
        guard file >= 0 else { throw .last }
        return file
    }

    /// Gives a file without a name one, which must be free.
    package func give(_ file: CInt, the name: FileName) throws(SystemError) {
        guard name.withCString({ tsr_system_link_unnamed(file, descriptor, $0) }) == 0 else { throw .last }
    }

    /// A new file with a name, which must be free; for reading and writing.
    package func create(_ name: FileName, mode: mode_t) throws(SystemError) -> CInt {
        let file = name.withCString {
            openat(descriptor, $0, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
        }
        guard file >= 0 else { throw .last }
        return file
    }

    /// Gives the file `name` another name in this directory.
    /// - Parameter replaces: whether a file that has the new name is replaced; without it, that is the error `EEXIST`.
    package func rename(_ name: FileName, to new: FileName, replaces: Bool) throws(SystemError) {
        let result = name.withCString { name in
            new.withCString { new in
                replaces
                    ? renameat(descriptor, name, descriptor, new)
                    : tsr_system_rename_to_free(descriptor, name, descriptor, new)
            }
        }
        guard result == 0 else { throw .last }
    }

    /// Removes the file `name`, if there is one.
    package func remove(_ name: FileName) { _ = name.withCString { unlinkat(descriptor, $0, 0) } }

    /// Asks whether this process may make and remove files here, by making one: without a name where there is that, else under
    /// a name that is gone at once.
    /// - Throws: the reason why it may not.
    package func checkWritable() throws(SystemError) {
        do throws(SystemError) {
            close(try openUnnamed(mode: 0o600))
        } catch  where error.code == EOPNOTSUPP {
            guard let name = FileName(text: ".tessera-check-\(getpid())") else { return }
            close(try create(name, mode: 0o600))
            remove(name)
        }
    }

    /// The most bytes that a file's name may have here.
    package var longestName: Int {
        // A descriptor for paths only is not asked by every system.
        let length = fpathconf(descriptor, CInt(_PC_NAME_MAX))
        return length > 0 ? Int(length) : 255
    }
}
