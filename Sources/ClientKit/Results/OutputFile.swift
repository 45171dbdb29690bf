package import Names
import Synchronization
import SystemCalls

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A result on its way to its place: an incomplete file never has the final name.
///
/// The bytes go to a file without a name in the directory of the place, which gets its name when they are complete: a
/// process that is killed leaves nothing behind. On file systems that have no such files, and for the moment in which a file
/// is replaced, it has a name of its own there (`.tessera-...`), which `TemporaryNames` removes when a signal ends the
/// process. A place that is not a regular file (`/dev/null`, a FIFO) is written to as it is.
package struct OutputFile: Sendable {
    /// Written from its beginning.
    package let descriptor: FileDescriptor
    private let destination: Destination

    private enum Destination: Sendable {
        case place(Placement)
        /// The complete bytes are copied to an open file, or to standard output.
        case copy(to: FileDescriptor, closes: Bool, name: String)
    }

    /// How files may be placed.
    package struct Rules: Sendable {
        /// Whether a file that is there may be replaced.
        var mayReplace = true
        /// The files that this command has written: a second result for one of them is refused, whatever the two are called
        /// (a file system may take two names for one; two links may lead to one file).
        var written = WrittenFiles()

        /// Whether temporary files have names even where they need none, as on a file system that cannot do without.
        var namesTemporaryFiles = false

        package init(mayReplace: Bool = true) { self.mayReplace = mayReplace }
    }

    /// - Throws: `ClientError` with the code `cannot-write`, `exists` or `no-temporary-file`.
    package init(at place: ResultPlace, rules: Rules = Rules()) throws(ClientError) {
        if place == .standardOutput {
            self = try .standardOutput()
            return
        }
        let location = try OutputLocation(place)
        switch location.target {
        case .stream:
            let number = location.path.withCString { open($0, O_WRONLY | O_TRUNC | O_CLOEXEC) }
            guard number >= 0 else { throw OutputLocation.refused(location.path, FileDescriptor.reason()) }
            do {
                descriptor = try .unnamedTemporary()
            } catch {
                FileDescriptor(number).close()
                throw error
            }
            destination = .copy(to: FileDescriptor(number), closes: true, name: "'\(location.path)'")
        case .entry(let name, let directory, let existing):
            if existing != nil, !rules.mayReplace { throw location.exists }
            // What replaces a file gets its permissions at the end; until then only this user reads it.
            let mode: mode_t = existing == nil ? 0o666 : 0o600
            let made: (file: FileDescriptor, name: FileName?)
            do throws(SystemError) {
                made = try TemporaryNames.shared.makeFile(
                    in: directory, mode: mode, isNamed: rules.namesTemporaryFiles)
            } catch {
                throw OutputLocation.refused(location.path, "no file can be made in its directory: \(error)")
            }
            descriptor = made.file
            destination = .place(
                Placement(
                    location: location, directory: directory, name: name, temporary: made.name, rules: rules))
        }
    }

    private init(standardOutput: FileDescriptor) throws(ClientError) {
        descriptor = try .unnamedTemporary()
        destination = .copy(to: standardOutput, closes: false, name: "standard output")
    }

    /// Standard output; nothing is written to it before the result is complete and checked.
    package static func standardOutput(_ output: FileDescriptor = .standardOutput) throws(ClientError) -> OutputFile {
        try OutputFile(standardOutput: output)
    }

    /// Puts the complete bytes into their place.
    /// - Throws: `ClientError` with the code `cannot-write`, `write-failed` or `exists`, or of the kind `brokenPipe`.
    package func commit() throws(ClientError) {
        defer { descriptor.close() }
        switch destination {
        case .place(let placement): try placement.place(descriptor)
        case .copy(let output, let closes, let name):
            defer { if closes { output.close() } }
            try descriptor.copy(to: output, name: name)
        }
    }

    /// Leaves the place as it was.
    package func discard() {
        descriptor.close()
        switch destination {
        case .place(let placement): placement.discard()
        case .copy(let output, let closes, _): if closes { output.close() }
        }
    }

    /// Finds out before a result is computed whether it can be written to `place`.
    /// - Parameters:
    ///   - mayReplace: whether a file that is there may be replaced.
    ///   - isDirectoryKnown: whether `makeDirectory` has checked its directory.
    /// - Throws: `ClientError` with the code `cannot-write` or `exists`.
    package static func check(
        _ place: ResultPlace, mayReplace: Bool = true, isDirectoryKnown: Bool = false
    ) throws(ClientError) {
        if place == .standardOutput {
            let flags = fcntl(STDOUT_FILENO, F_GETFL)
            guard flags >= 0, flags & O_ACCMODE != O_RDONLY else {
                throw ClientError("cannot-write", "cannot write to standard output: it is closed")
            }
            return
        }
        try OutputLocation(place).check(mayReplace: mayReplace, isDirectoryKnown: isDirectoryKnown)
    }

    /// Makes the directory at `path` and the missing ones above it, and checks that files can be made in it.
    /// - Parameter mode: permissions of those that are made, less what the umask takes away.
    /// - Returns: the most bytes that a name may have in it.
    @discardableResult
    package static func makeDirectory(_ path: BytePath, mode: UInt32 = 0o777) throws(ClientError) -> Int {
        do throws(DirectoryError) {
            try makeDirectories(to: path, mode: mode_t(mode))
        } catch {
            let why =
                error.isInTheWay
                ? "'\(error.path)' is in the way: it is not a directory"
                : "cannot make the directory '\(error.path)': \(error.reason)"
            throw ClientError("cannot-write", why)
        }
        do {
            let directory = try OpenDirectory(at: path)
            try directory.checkWritable()
            return directory.longestName
        } catch {
            throw ClientError("cannot-write", "no file can be made in the directory '\(path)': \(error)")
        }
    }
}

/// The files that a command has written, by their inodes.
package final class WrittenFiles: Sendable {
    fileprivate let identities = Mutex<Set<FileIdentity>>([])

    package init() {}
}

/// The last step of a file: its name.
private struct Placement: Sendable {
    let location: OutputLocation
    let directory: OpenDirectory
    let name: FileName
    /// The name that it has until then; `nil` when it has none.
    let temporary: FileName?
    let rules: OutputFile.Rules

    func place(_ file: FileDescriptor) throws(ClientError) {
        do {
            try placed(file)
        } catch {
            discard()
            throw error
        }
    }

    func discard() {
        if let temporary { TemporaryNames.shared.remove(temporary, of: directory) }
    }

    private func placed(_ file: FileDescriptor) throws(ClientError) {
        // Two results of one command do not look at the same name at the same time.
        try rules.written.identities.withLock { written throws(ClientError) in
            let existing: FileStatus?
            do {
                existing = try directory.status(of: name).map { FileStatus($0) }
            } catch {
                throw OutputLocation.refused(location.path, "\(error)")
            }
            if let existing {
                guard rules.mayReplace else { throw location.exists }
                guard !written.contains(existing.identity) else {
                    throw OutputLocation.refused(
                        location.path,
                        "another result of this command was written to this very file; its name is another one, but not "
                            + "for this file system, or a link leads to it")
                }
                if existing.kind == .regular { file.takePermissions(of: existing) }
            }
            do throws(SystemError) {
                try give(file, existing)
            } catch {
                if error.code == EEXIST { throw location.exists }
                throw OutputLocation.refused(location.path, "\(error)")
            }
            if let identity = FileStatus(file)?.identity { written.insert(identity) }
        }
    }

    private func give(_ file: FileDescriptor, _ existing: FileStatus?) throws(SystemError) {
        if let temporary {
            try directory.rename(temporary, to: name, replaces: rules.mayReplace)
            TemporaryNames.shared.forget(temporary, of: directory)
            return
        }
        let temporary: FileName
        do throws(SystemError) {
            if existing == nil {
                do throws(SystemError) {
                    return try directory.give(file.number, the: name)
                } catch  where error.code == EEXIST && rules.mayReplace {
                    // Made by somebody in between: replaced as it would have been.
                }
            }
            temporary = try TemporaryNames.shared.name(file.number, in: directory)
        } catch  where [EXDEV, EPERM, ENOENT, EOPNOTSUPP].contains(error.code) {
            // A file system that makes files without names but cannot name them.
            temporary = try copied(file, existing)
        }
        do throws(SystemError) {
            try directory.rename(temporary, to: name, replaces: rules.mayReplace)
            TemporaryNames.shared.forget(temporary, of: directory)
        } catch {
            TemporaryNames.shared.remove(temporary, of: directory)
            throw error
        }
    }

    /// The name of a copy of `file`.
    private func copied(_ file: FileDescriptor, _ existing: FileStatus?) throws(SystemError) -> FileName {
        let made = try TemporaryNames.shared.makeFile(
            in: directory, mode: existing == nil ? 0o666 : 0o600, isNamed: true)
        guard let name = made.name else { preconditionFailure("it was asked for a name") }
        defer { made.file.close() }
        if let existing, existing.kind == .regular { made.file.takePermissions(of: existing) }
        do {
            try file.copy(to: made.file, name: "a temporary file")
            return name
        } catch {
            let reason = SystemError.last
            TemporaryNames.shared.remove(name, of: directory)
            throw reason
        }
    }
}
