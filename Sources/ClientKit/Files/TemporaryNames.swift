import Names
import Synchronization
import SystemCalls

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The temporary files and directories of this process that have a name, so that a process that a signal ends takes them with it.
package final class TemporaryNames: Sendable {
    package static let shared = TemporaryNames()

    private struct Entry: Sendable {
        let name: FileName
        let directory: OpenDirectory
    }

    private let entries = Mutex<[FileName: Entry]>([:])
    private let directories = Mutex<Set<BytePath>>([])

    /// Makes a file for reading and writing, without a name where the file system has that.
    /// - Parameter isNamed: whether it has a name in any case.
    func makeFile(
        in directory: OpenDirectory, mode: mode_t, isNamed: Bool = false
    ) throws(SystemError) -> (file: FileDescriptor, name: FileName?) {
        if !isNamed {
            do throws(SystemError) {
                return (FileDescriptor(try directory.openUnnamed(mode: mode)), nil)
            } catch  where error.code == EOPNOTSUPP {}
        }
        let name = Self.newName()
        // Listed before it exists: a signal in between finds nothing to remove.
        entries.withLock { $0[name] = Entry(name: name, directory: directory) }
        do throws(SystemError) {
            return (FileDescriptor(try directory.create(name, mode: mode)), name)
        } catch {
            forget(name, of: directory)
            throw error
        }
    }

    /// Gives a file without a name a new one.
    func name(_ file: CInt, in directory: OpenDirectory) throws(SystemError) -> FileName {
        let name = Self.newName()
        entries.withLock { $0[name] = Entry(name: name, directory: directory) }
        do throws(SystemError) {
            try directory.give(file, the: name)
            return name
        } catch {
            forget(name, of: directory)
            throw error
        }
    }

    /// The file has its final name.
    func forget(_ name: FileName, of directory: OpenDirectory) { entries.withLock { $0[name] = nil } }

    func remove(_ name: FileName, of directory: OpenDirectory) {
        directory.remove(name)
        forget(name, of: directory)
    }

    /// Lists a directory that is to be removed with all that it contains.
    func add(_ directory: BytePath) { directories.withLock { _ = $0.insert(directory) } }

    func forget(_ directory: BytePath) { directories.withLock { _ = $0.remove(directory) } }

    /// Removes all of them; called when the process ends.
    package func removeAll() {
        for directory in directories.withLock({ $0 }) { removeTree(directory.text) }
        for entry in entries.withLock({ Array($0.values) }) { remove(entry.name, of: entry.directory) }
    }

    /// 25 bytes: shorter than what any file system allows. Names are random, so one is in one directory only.
    private static func newName() -> FileName {
        guard let name = FileName(Array(".tessera-\(Randomness.hexadecimal(byteCount: 8))".utf8)) else {
            preconditionFailure("hexadecimal digits have no \"/\"")
        }
        return name
    }
}
