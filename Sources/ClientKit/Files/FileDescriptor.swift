package import Names
import SystemCalls

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// An open file, by its number; the code that opened it closes it.
package struct FileDescriptor: Sendable, Hashable {
    package let number: Int32

    package init(_ number: Int32) { self.number = number }

    package static let standardInput = FileDescriptor(STDIN_FILENO)
    package static let standardOutput = FileDescriptor(STDOUT_FILENO)

    package var isTerminal: Bool { isatty(number) == 1 }

    /// A path that names this very file in this process, even when the file's name has changed or is gone.
    package var path: BytePath { BytePath("/proc/self/fd/\(number)".utf8) }

    package func close() {
        #if canImport(Glibc)
            _ = Glibc.close(number)
        #elseif canImport(Musl)
            _ = Musl.close(number)
        #else
            _ = Darwin.close(number)
        #endif
    }

    /// Writes all of `bytes`, in as many pieces as the system wants.
    /// - Parameter name: what is written to, for the error.
    /// - Throws: `ClientError`: `broken-pipe` when the reader has gone, else `write-failed` with the system's reason.
    package func writeAll(_ bytes: [UInt8], name: String = "a file") throws(ClientError) {
        var offset = 0
        while offset < bytes.count {
            let written = bytes.withUnsafeBytes { write(number, $0.baseAddress! + offset, $0.count - offset) }
            if written >= 0 {
                offset += written
                continue
            }
            switch errno {
            case EINTR: continue
            case EAGAIN:
                // A terminal or pipe that someone else made non-blocking.
                var poll = pollfd(fd: number, events: Int16(POLLOUT), revents: 0)
                _ = Self.wait(&poll)
            case EPIPE: throw ClientError("broken-pipe", "the reader of the output has gone", kind: .brokenPipe)
            default: throw ClientError("write-failed", "cannot write to \(name): \(Self.reason())")
            }
        }
    }

    /// Reads up to `count` bytes; an empty array at the end of the file.
    /// - Parameter name: what is read, for the error.
    package func read(upTo count: Int, name: String = "a file") throws(ClientError) -> [UInt8] {
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            repeat {
                #if canImport(Glibc)
                    let got = Glibc.read(number, buffer.baseAddress!, count)
                #elseif canImport(Musl)
                    let got = Musl.read(number, buffer.baseAddress!, count)
                #else
                    let got = Darwin.read(number, buffer.baseAddress!, count)
                #endif
                failure = got < 0 ? errno : 0
                filled = max(0, got)
            } while failure == EINTR
        }
        guard failure == 0 else { throw ClientError("read-failed", "cannot read \(name): \(Self.reason(failure))") }
        return bytes
    }

    /// All bytes of the file at `path`.
    /// - Throws: `ClientError` with the code `unreadable`, also when there are more than `limit`.
    package static func contents(of path: BytePath, limit: Int = .max) throws(ClientError) -> [UInt8] {
        func refused(_ why: String) -> ClientError { ClientError("unreadable", "cannot read '\(path)': \(why)") }
        let number = path.withCString { open($0, O_RDONLY | O_CLOEXEC) }
        guard number >= 0 else { throw refused(reason()) }
        let file = FileDescriptor(number)
        defer { file.close() }
        return try file.contents(name: "'\(path)'", limit: limit)
    }

    /// All bytes from here to the end.
    /// - Parameter name: what is read, for the error.
    /// - Throws: `ClientError` with the code `read-failed`, or `unreadable` when there are more than `limit`.
    package func contents(name: String, limit: Int) throws(ClientError) -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            let more = try read(upTo: 1 << 20, name: name)
            if more.isEmpty { return bytes }
            bytes += more
            guard bytes.count <= limit else {
                throw ClientError("unreadable", "cannot read \(name): it has more than \(limit) bytes")
            }
        }
    }

    /// The first `count` bytes of the file at `path`, or all of a shorter one.
    package static func start(of path: BytePath, count: Int) throws(ClientError) -> [UInt8] {
        try withFile(at: path) { file throws(ClientError) in try file.read(upTo: count) }
    }

    /// Opens the file at `path` for `body`, without waiting for a writer.
    package static func withFile<Result>(
        at path: BytePath, _ body: (FileDescriptor) throws(ClientError) -> Result
    ) throws(ClientError) -> Result {
        let number = path.withCString { open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
        guard number >= 0 else { throw ClientError("unreadable", "cannot read '\(path)': \(reason())") }
        let file = FileDescriptor(number)
        defer { file.close() }
        return try body(file)
    }

    /// Reads `count` bytes from `offset`, wherever the file is read otherwise.
    /// - Throws: `ClientError` with the code `read-failed`, also where there are fewer.
    package func read(at offset: UInt64, count: Int) throws(ClientError) -> [UInt8] {
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let got = pread(number, buffer.baseAddress! + filled, count - filled, off_t(offset) + off_t(filled))
                if got < 0, errno == EINTR { continue }
                if got <= 0 {
                    failure = got < 0 ? errno : ENODATA
                    return
                }
                filled += got
            }
        }
        guard failure == 0 else { throw ClientError("read-failed", "cannot read a file: \(Self.reason(failure))") }
        return bytes
    }

    /// The system's words for the error of its last call.
    package static func reason() -> String { reason(errno) }

    private static func reason(_ code: Int32) -> String { String(cString: strerror(code)) }

    private static func wait(_ descriptor: inout pollfd) -> Int32 { poll(&descriptor, 1, -1) }
}

extension FileDescriptor {
    /// `TMPDIR`, or /tmp.
    static var temporaryDirectory: BytePath {
        BytePath(text: ThisProcess.variables["TMPDIR"].flatMap { $0.isEmpty ? nil : $0 } ?? "/tmp")
    }

    /// A new file in the directory for temporary files that has no name any more: it ends with its last descriptor.
    package static func unnamedTemporary() throws(ClientError) -> FileDescriptor {
        let path = temporaryDirectory
        do throws(SystemError) {
            let directory = try OpenDirectory(at: path)
            let made = try TemporaryNames.shared.makeFile(in: directory, mode: 0o600)
            if let name = made.name { TemporaryNames.shared.remove(name, of: directory) }
            return made.file
        } catch {
            throw ClientError(
                "no-temporary-file",
                "cannot make a temporary file in '\(path)': \(error); TMPDIR names another directory")
        }
    }

    /// Copies this file from its beginning to its end.
    /// - Parameter name: what is written to, for the error.
    func copy(to output: FileDescriptor, name: String) throws(ClientError) {
        lseek(number, 0, SEEK_SET)
        while true {
            let bytes = try read(upTo: 1 << 20, name: "a temporary file")
            if bytes.isEmpty { return }
            try output.writeAll(bytes, name: name)
        }
    }

    /// Gives this file the permissions and, as far as this process may, the owner and group of another one. Where the group
    /// cannot be kept, ours gets no more than everybody.
    func takePermissions(of other: FileStatus) {
        var mode = other.mode
        if fchown(number, other.owner, other.group) != 0, fchown(number, uid_t.max, other.group) != 0 {
            mode &= ~0o070 | (mode & 0o007) << 3
        }
        // After the owner: a new owner takes bits away.
        fchmod(number, mode)
    }
}
