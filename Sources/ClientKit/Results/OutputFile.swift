#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A result on its way to its place: an incomplete file never has the final name.
///
/// The bytes go to a file with a temporary name in the same directory, which is renamed when they are complete. A place
/// that is not a regular file (`/dev/null`, a FIFO) is written to as it is.
package struct OutputFile: Sendable {
    /// Written from its beginning.
    package let descriptor: FileDescriptor
    private let destination: Destination

    private enum Destination: Sendable {
        case rename(from: String, to: String)
        /// The complete bytes are copied to an open file, or to standard output.
        case copy(to: FileDescriptor, closes: Bool)
    }

    /// - Throws: `ClientError` with the code `cannot-write`.
    package init(at path: String) throws(ClientError) {
        func refused(_ why: String) -> ClientError { ClientError("cannot-write", "cannot write '\(path)': \(why)") }
        let kind = FileStatus(at: path)?.kind
        switch kind {
        case .directory: throw refused("it is a directory; write '\(path)/' to put results into it")
        case .other:
            let number = open(path, O_WRONLY | O_CLOEXEC)
            guard number >= 0 else { throw refused(FileDescriptor.reason()) }
            descriptor = try .unnamedTemporary()
            destination = .copy(to: FileDescriptor(number), closes: true)
        case .regular, nil:
            // A symbolic link stays one: what it leads to is replaced.
            let target = kind == nil ? path : Self.resolved(path)
            let slash = target.lastIndex(of: "/").map { target.index(after: $0) } ?? target.startIndex
            let temporary = target[..<slash] + ".tessera-" + Randomness.hexadecimal(byteCount: 8)
            let number = open(String(temporary), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
            guard number >= 0 else { throw refused(FileDescriptor.reason()) }
            descriptor = FileDescriptor(number)
            destination = .rename(from: String(temporary), to: target)
        }
    }

    private init(standardOutput: FileDescriptor) throws(ClientError) {
        descriptor = try .unnamedTemporary()
        destination = .copy(to: standardOutput, closes: false)
    }

    /// Standard output; nothing is written to it before the result is complete and checked.
    package static func standardOutput(_ output: FileDescriptor = .standardOutput) throws(ClientError) -> OutputFile {
        try OutputFile(standardOutput: output)
    }

    /// Puts the complete bytes into their place.
    /// - Throws: `ClientError` with the code `cannot-write` or `write-failed`, or of the kind `brokenPipe`.
    package func commit() throws(ClientError) {
        switch destination {
        case .rename(let temporary, let path):
            descriptor.close()
            guard rename(temporary, path) == 0 else {
                let reason = FileDescriptor.reason()
                unlink(temporary)
                throw ClientError("cannot-write", "cannot write '\(path)': \(reason)")
            }
        case .copy(let output, let closes):
            defer {
                descriptor.close()
                if closes { output.close() }
            }
            lseek(descriptor.number, 0, SEEK_SET)
            while true {
                let bytes = try descriptor.read(upTo: 1 << 20)
                if bytes.isEmpty { return }
                try output.writeAll(bytes)
            }
        }
    }

    /// Leaves the place as it was.
    package func discard() {
        descriptor.close()
        switch destination {
        case .rename(let temporary, _): unlink(temporary)
        case .copy(let output, let closes): if closes { output.close() }
        }
    }

    /// Makes the directory at `path` and the missing ones above it.
    package static func makeDirectory(_ path: String) throws(ClientError) {
        if FileStatus(at: path)?.kind == .directory { return }
        var end = path.startIndex
        while end < path.endIndex {
            end = path[path.index(after: end)...].firstIndex(of: "/") ?? path.endIndex
            let part = String(path[..<end])
            if mkdir(part, 0o777) != 0, errno != EEXIST {
                throw ClientError("cannot-write", "cannot make the directory '\(part)': \(FileDescriptor.reason())")
            }
        }
        guard FileStatus(at: path)?.kind == .directory else {
            throw ClientError("cannot-write", "'\(path)' is in the way: it is not a directory")
        }
    }

    private static func resolved(_ path: String) -> String {
        guard let real = realpath(path, nil) else { return path }
        defer { free(real) }
        return String(cString: real)
    }
}
