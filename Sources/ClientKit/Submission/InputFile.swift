import Cryptography
public import JobModel
public import MasterClient
public import Names
public import NIOCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// An image in a file: one that has a path, or a copy of a stream in a temporary file without a name.
public struct InputFile: ImageInput {
    /// What the person wrote, and what the job's listings show; in the text form of names (`NameText`).
    public let label: String
    /// The file's path; for a copy of a stream a path that is valid in this process, as long as the input is kept.
    public let path: BytePath
    public let byteCount: UInt64
    package let identity: FileIdentity
    private let spool: Spool?

    /// Examines the file at the path whose text form is `path`, which is also the label.
    /// - Throws: `ClientError` with the code `unreadable`, also for an empty file and for one that is not a regular file.
    public init(opening path: String) throws(ClientError) { try self.init(opening: BytePath(text: path)) }

    /// Examines the file at `path`, whose text form is the label.
    /// - Throws: `ClientError` with the code `unreadable`, also for an empty file and for one that is not a regular file.
    public init(opening path: BytePath) throws(ClientError) {
        func refused(_ why: String) -> ClientError { ClientError("unreadable", "cannot read '\(path)': \(why)") }
        // A FIFO would block here until another program writes to it.
        let number = path.withCString { open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
        guard number >= 0 else { throw refused(FileDescriptor.reason()) }
        let file = FileDescriptor(number)
        defer { file.close() }
        guard let status = FileStatus(file) else { throw refused(FileDescriptor.reason()) }
        switch status.kind {
        case .regular: break
        case .directory: throw refused("it is a directory; name its files, such as \(path)/*.png")
        case .link, .other: throw refused("it is not a regular file")
        }
        guard status.byteCount > 0 else { throw refused("it is empty") }
        label = path.text
        self.path = path
        byteCount = status.byteCount
        identity = status.identity
        spool = nil
    }

    /// Copies a stream of unknown length to a temporary file without a name, in `TMPDIR` or /tmp, which the kernel removes
    /// when the input is no longer used, or with the process.
    /// - Parameter maximumByteCount: the most bytes to accept.
    /// - Throws: `ClientError`: `over-limit` for a longer stream, `unreadable` for an empty one, `no-temporary-file` or
    ///   `write-failed` when the copy cannot be made; what `pieces` throws.
    public init<Pieces: AsyncSequence>(
        spooling pieces: Pieces, label: String, maximumByteCount: UInt64 = .max
    ) async throws where Pieces.Element == ByteBuffer {
        let spool = Spool(try FileDescriptor.unnamedTemporary())
        var byteCount: UInt64 = 0
        for try await piece in pieces {
            byteCount += UInt64(piece.readableBytes)
            guard byteCount <= maximumByteCount else {
                throw ClientError("over-limit", "'\(ShownText.of(label))' has more than \(maximumByteCount) bytes")
            }
            try await offCooperativePool { () throws(ClientError) in
                try spool.descriptor.writeAll(Array(piece.readableBytesView), name: Self.nameOfCopy)
            }
        }
        // A cancelled sequence may end early without an error.
        try Task.checkCancellation()
        try self.init(label: label, spool)
    }

    /// Copies `input` to its end, as `init(spooling:label:maximumByteCount:)` does.
    package init(spooling input: FileDescriptor, label: String) throws(ClientError) {
        let spool = Spool(try FileDescriptor.unnamedTemporary())
        while true {
            let bytes = try input.read(
                upTo: 1 << 20, name: input == .standardInput ? "standard input" : "'\(ShownText.of(label))'")
            if bytes.isEmpty { break }
            try spool.descriptor.writeAll(bytes, name: Self.nameOfCopy)
        }
        try self.init(label: label, spool)
    }

    private static let nameOfCopy = "the temporary copy of the input (TMPDIR names its directory)"

    private init(label: String, _ spool: Spool) throws(ClientError) {
        guard let status = FileStatus(spool.descriptor) else {
            throw ClientError(
                "unreadable", "cannot examine the copy of '\(ShownText.of(label))': \(FileDescriptor.reason())")
        }
        guard status.byteCount > 0 else {
            throw ClientError("unreadable", "cannot read '\(ShownText.of(label))': it is empty")
        }
        self.label = label
        path = spool.descriptor.path
        byteCount = status.byteCount
        identity = status.identity
        self.spool = spool
    }

    public func reference() async throws -> BlobReference {
        try await offCooperativePool { () throws(ClientError) in try hashed() }
    }

    public func withSource<Result: Sendable>(
        of blob: BlobReference, _ body: (BlobSource) async throws -> Result
    ) async throws -> Result {
        let file = try opened()
        defer { file.close() }
        return try await body(.file(descriptor: file.number, byteCount: blob.byteCount))
    }

    /// Reads the file from its beginning to its end.
    private func hashed() throws(ClientError) -> BlobReference {
        let file = try opened()
        defer { file.close() }
        var hash = SHA256()
        var byteCount: UInt64 = 0
        while true {
            let bytes: [UInt8]
            do {
                bytes = try file.read(upTo: 256 << 10, name: "'\(ShownText.of(label))'")
            } catch {
                throw ClientError("unreadable", error.message)
            }
            if bytes.isEmpty { break }
            hash.update(bytes)
            byteCount += UInt64(bytes.count)
        }
        return BlobReference(hash, byteCount: byteCount)
    }

    /// The file opened for reading; the caller closes it.
    private func opened() throws(ClientError) -> FileDescriptor {
        let number = path.withCString { open($0, O_RDONLY | O_CLOEXEC) }
        guard number >= 0 else { throw unreadable(FileDescriptor.reason()) }
        return FileDescriptor(number)
    }

    private func unreadable(_ why: String) -> ClientError {
        ClientError("unreadable", "cannot read '\(ShownText.of(label))': \(why)")
    }
}

/// A temporary file without a name; it ends with the last reference to it.
private final class Spool: Sendable {
    let descriptor: FileDescriptor

    init(_ descriptor: FileDescriptor) { self.descriptor = descriptor }

    deinit { descriptor.close() }
}
