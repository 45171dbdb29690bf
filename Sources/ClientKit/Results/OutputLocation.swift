import Names
import SystemCalls

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// What a result's place is on this machine, found out before anything is written.
struct OutputLocation: Sendable {
    /// What a person is shown.
    let path: BytePath
    let target: Target

    enum Target: Sendable {
        /// A name in a directory; `existing` is the regular file that has it.
        case entry(FileName, OpenDirectory, existing: FileStatus?)
        /// Written to as it is: a device, a FIFO, or a file that only an open descriptor leads to (`/dev/stdout`).
        case stream
    }

    /// - Throws: `ClientError` with the code `cannot-write`.
    init(_ place: ResultPlace) throws(ClientError) {
        switch place {
        case .standardOutput: preconditionFailure("standard output has no path")
        case .file(let path):
            self.path = path
            target = try Self.follow(path)
        case .entry(let name, let path):
            self.path = path.appending(name)
            let directory = try Self.open(path, for: self.path)
            let status = try Self.status(of: name, in: directory, for: self.path)
            switch status?.kind {
            case nil, .regular: target = .entry(name, directory, existing: status)
            case .directory: throw Self.isDirectory(self.path)
            case .link:
                throw Self.refused(
                    self.path,
                    "it is a symbolic link, which a result in a directory does not follow; remove it, or fetch this result "
                        + "alone, into a file")
            case .other: throw Self.refused(self.path, "it is not a regular file")
            }
        }
    }

    /// Follows links from `path` to the directory and the name that they end at, which need not exist.
    private static func follow(_ path: BytePath) throws(ClientError) -> Target {
        let reached = FileStatus(at: path)
        switch reached?.kind {
        case .other: return .stream
        case .directory: throw isDirectory(path)
        case .regular, .link, nil: break
        }
        var here = path
        // As many links as the kernel follows.
        for _ in 0..<40 {
            guard let name = here.fileName else { throw isDirectory(path) }
            let directory: OpenDirectory
            let status: FileStatus?
            do {
                directory = try open(here.directory, for: path)
                status = try Self.status(of: name, in: directory, for: path)
            } catch {
                if reached != nil { return .stream }
                throw error
            }
            switch status?.kind {
            case .link:
                do {
                    let link = try directory.link(at: name)
                    here = link.isAbsolute ? link : here.directory.appending(path: link)
                } catch {
                    throw refused(path, "\(error)")
                }
            case .regular, nil:
                // Links of /proc name files that may be found nowhere else.
                if let reached, reached.identity != status?.identity { return .stream }
                return .entry(name, directory, existing: status)
            case .directory: throw isDirectory(path)
            case .other: return .stream
            }
        }
        throw refused(path, "\(SystemError(code: ELOOP))")
    }

    private static func open(_ directory: BytePath, for path: BytePath) throws(ClientError) -> OpenDirectory {
        do {
            return try OpenDirectory(at: directory)
        } catch {
            let isMissing = error.code == ENOENT
            throw refused(
                path,
                isMissing
                    ? "there is no directory '\(directory)'; make it first, or write -o '\(directory)/' to have it made"
                    : "the directory '\(directory)' cannot be used: \(error)")
        }
    }

    private static func status(
        of name: FileName, in directory: OpenDirectory, for path: BytePath
    ) throws(ClientError) -> FileStatus? {
        do {
            return try directory.status(of: name).map { FileStatus($0) }
        } catch {
            throw refused(path, "\(error)")
        }
    }

    private static func isDirectory(_ path: BytePath) -> ClientError {
        refused(
            path,
            path.endsWithSlash
                ? "it is a directory" : "it is a directory; write '\(path)/' to put results into it")
    }

    static func refused(_ path: BytePath, _ why: String) -> ClientError {
        ClientError("cannot-write", "cannot write '\(path)': \(why)")
    }

    /// Checks as far as possible without writing that a result can be put here.
    /// - Parameters:
    ///   - mayReplace: whether a file that is there may be replaced.
    ///   - isDirectoryKnown: whether its directory is known to be writable.
    /// - Throws: `ClientError` with the code `cannot-write` or `exists`.
    func check(mayReplace: Bool, isDirectoryKnown: Bool) throws(ClientError) {
        switch target {
        case .stream:
            let isWritable = path.withCString { access($0, W_OK) } == 0
            guard isWritable else { throw Self.refused(path, "\(SystemError.last)") }
        case .entry(_, let directory, let existing):
            if existing != nil, !mayReplace { throw exists }
            if isDirectoryKnown { return }
            do {
                try directory.checkWritable()
            } catch {
                throw Self.refused(path, "no file can be made in its directory: \(error)")
            }
        }
    }

    var exists: ClientError { ClientError("exists", "'\(path)' exists, and is not to be replaced") }
}
