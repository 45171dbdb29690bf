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
    package var path: String { "/proc/self/fd/\(number)" }

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
    /// - Throws: `ClientError`: `broken-pipe` when the reader has gone, else `write-failed` with the system's reason.
    package func writeAll(_ bytes: [UInt8]) throws(ClientError) {
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
            default: throw ClientError("write-failed", "cannot write: \(Self.reason())")
            }
        }
    }

    /// Reads up to `count` bytes; an empty array at the end of the file.
    package func read(upTo count: Int) throws(ClientError) -> [UInt8] {
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
        guard failure == 0 else { throw ClientError("read-failed", "cannot read: \(Self.reason(failure))") }
        return bytes
    }

    /// All bytes of the file at `path`.
    /// - Throws: `ClientError` with the code `unreadable`, also when there are more than `limit`.
    package static func contents(of path: String, limit: Int = .max) throws(ClientError) -> [UInt8] {
        func refused(_ why: String) -> ClientError { ClientError("unreadable", "cannot read '\(path)': \(why)") }
        let number = open(path, O_RDONLY | O_CLOEXEC)
        guard number >= 0 else { throw refused(reason()) }
        let file = FileDescriptor(number)
        defer { file.close() }
        var bytes: [UInt8] = []
        while true {
            let more = try file.read(upTo: 1 << 20)
            if more.isEmpty { return bytes }
            bytes += more
            guard bytes.count <= limit else { throw refused("it has more than \(limit) bytes") }
        }
    }

    /// The first `count` bytes of the file at `path`, or all of a shorter one.
    package static func start(of path: String, count: Int) throws(ClientError) -> [UInt8] {
        let number = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard number >= 0 else { throw ClientError("unreadable", "cannot read '\(path)': \(reason())") }
        let file = FileDescriptor(number)
        defer { file.close() }
        return try file.read(upTo: count)
    }

    /// The system's words for the error of its last call.
    package static func reason() -> String { reason(errno) }

    private static func reason(_ code: Int32) -> String { String(cString: strerror(code)) }

    private static func wait(_ descriptor: inout pollfd) -> Int32 { poll(&descriptor, 1, -1) }
}

extension FileDescriptor {
    /// A new file in the directory for temporary files that has no name any more: it ends with its last descriptor.
    package static func unnamedTemporary() throws(ClientError) -> FileDescriptor {
        let directory = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        let path = directory + "/tessera-" + Randomness.hexadecimal(byteCount: 8)
        let number = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard number >= 0 else {
            throw ClientError(
                "no-temporary-file",
                "cannot make a temporary file in '\(directory)': \(reason()); TMPDIR names another directory")
        }
        unlink(path)
        return FileDescriptor(number)
    }
}
