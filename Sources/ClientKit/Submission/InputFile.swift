#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// An image as the command line names it, found readable.
struct InputFile: Sendable, Hashable {
    /// What the person wrote, and what the job's listings show; `stdin` for `-`.
    let label: String
    /// Where the bytes are read from.
    let path: String
    let byteCount: UInt64
    let identity: FileIdentity

    /// Looks at every file once, before anything is submitted. A file that cannot be read does not stop the others.
    ///
    /// - Returns: the readable ones and the complaints about the others, in the order of `arguments`.
    /// - Throws: `ClientError` when `-` is there more than once or standard input is a terminal.
    static func examine(
        _ arguments: [String], standardInput: FileDescriptor = .standardInput
    ) throws(ClientError) -> (files: [InputFile], complaints: [InputComplaint]) {
        guard arguments.count(where: { $0 == "-" }) <= 1 else {
            throw .usage("'-' is given more than once, but standard input can be read only once")
        }
        var files: [InputFile] = []
        var complaints: [InputComplaint] = []
        for argument in arguments {
            if argument == "-" {
                files.append(try spooled(standardInput))
                continue
            }
            do {
                files.append(try InputFile(opening: argument))
            } catch {
                complaints.append(InputComplaint(label: argument, error: error))
            }
        }
        return (files, complaints)
    }

    /// - Throws: `ClientError` with the code `unreadable`.
    init(opening path: String) throws(ClientError) {
        func refused(_ why: String) -> ClientError { ClientError("unreadable", "cannot read '\(path)': \(why)") }
        // A FIFO would block here until someone writes to it.
        let number = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard number >= 0 else { throw refused(FileDescriptor.reason()) }
        let file = FileDescriptor(number)
        defer { file.close() }
        guard let status = FileStatus(file) else { throw refused(FileDescriptor.reason()) }
        switch status.kind {
        case .regular: break
        case .directory: throw refused("it is a directory; name its files, such as \(path)/*.png")
        case .other: throw refused("it is no regular file; use '-' to read from a pipe")
        }
        guard status.byteCount > 0 else { throw refused("it is empty") }
        self.init(label: path, path: path, byteCount: status.byteCount, identity: status.identity)
    }

    private init(label: String, path: String, byteCount: UInt64, identity: FileIdentity) {
        self.label = label
        self.path = path
        self.byteCount = byteCount
        self.identity = identity
    }

    /// Copies standard input to a file without a name, which the kernel removes with the process whatever happens: it is
    /// read twice (for its digest, and to be sent), and perhaps again after a lost connection.
    private static func spooled(_ input: FileDescriptor) throws(ClientError) -> InputFile {
        guard !input.isTerminal else {
            throw .usage("'-' reads an image from standard input, which is a terminal; redirect a file or pipe into it")
        }
        let spool = try FileDescriptor.unnamedTemporary()
        var byteCount: UInt64 = 0
        while true {
            let bytes = try input.read(upTo: 1 << 20)
            if bytes.isEmpty { break }
            try spool.writeAll(bytes)
            byteCount += UInt64(bytes.count)
        }
        guard byteCount > 0 else {
            throw ClientError("unreadable", "standard input is empty; pipe an image into it")
        }
        guard let status = FileStatus(spool) else {
            throw ClientError("unreadable", "cannot examine the copy of standard input: \(FileDescriptor.reason())")
        }
        // The descriptor stays open to the end of the process: `path` leads through it.
        return InputFile(label: "stdin", path: spool.path, byteCount: byteCount, identity: status.identity)
    }
}

/// A file that was left out, and why.
struct InputComplaint: Sendable, Hashable {
    let label: String
    let error: ClientError
}

/// Which file it is, by whatever name.
struct FileIdentity: Sendable, Hashable {
    let device: UInt64
    let inode: UInt64
}

/// What the system says about a file.
struct FileStatus: Sendable {
    enum Kind: Sendable { case regular, directory, other }

    let kind: Kind
    let byteCount: UInt64
    let identity: FileIdentity

    /// Of an open file; `nil` with `errno` set when the system says nothing.
    init?(_ file: FileDescriptor) {
        var status = stat()
        guard fstat(file.number, &status) == 0 else { return nil }
        self.init(status)
    }

    /// Of whatever `path` leads to; `nil` with `errno` set when there is nothing.
    init?(at path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        self.init(status)
    }

    private init(_ status: stat) {
        kind =
            switch status.st_mode & S_IFMT {
            case S_IFREG: .regular
            case S_IFDIR: .directory
            default: .other
            }
        byteCount = UInt64(clamping: status.st_size)
        identity = FileIdentity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
    }
}
