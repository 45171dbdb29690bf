import Cryptography
import Names

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The secret that master, workers and clients share; each proves to the other that it knows it.
public struct SharedSecret: Sendable, Hashable {
    /// A shorter secret could be found by trying.
    public static let minimumByteCount = 16
    public static let maximumByteCount = 4096

    /// A command whose output is a secret.
    public static let recipe = "head -c 32 /dev/urandom | base64"

    private let bytes: [UInt8]

    /// - Throws: `TransportError` with code `secret-file` unless there are 16 to 4096 bytes.
    public init(bytes: [UInt8]) throws(TransportError) { try self.init(bytes: bytes, origin: "the secret") }

    private init(bytes: [UInt8], origin: String) throws(TransportError) {
        guard (Self.minimumByteCount...Self.maximumByteCount).contains(bytes.count) else {
            throw TransportError(
                .secretFile,
                "\(origin) has \(bytes.count) bytes; allowed are \(Self.minimumByteCount) to \(Self.maximumByteCount): "
                    + "workers and clients need a copy of the master's secret file; for a new master, "
                    + "`\(Self.recipe)` writes a good secret")
        }
        self.bytes = bytes
    }

    /// Reads the secret from the file at `path`, which is in the text form of names, without the end of a line at its end.
    ///
    /// The file is opened first and judged by its descriptor, so that it cannot be exchanged in between.
    /// - Throws: `TransportError` with code `secret-file`: missing, not a regular file, open to others, too short or long.
    public init(file path: String) throws(TransportError) {
        let shown = ShownText.of(path)
        func refused(_ why: String) -> TransportError { TransportError(.secretFile, "the secret file \(shown) \(why)") }
        let descriptor = BytePath(text: path).withCString { open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
        guard descriptor >= 0 else { throw refused("cannot be opened: \(ErrorText.reason(errno))") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw refused("cannot be examined: \(ErrorText.reason(errno))")
        }
        guard status.st_mode & S_IFMT == S_IFREG else { throw refused("is not a regular file") }
        guard status.st_mode & 0o077 == 0 else {
            let mode = String(status.st_mode & 0o777, radix: 8)
            throw refused("is open to other users (mode \(mode)); run: chmod 600 \(shown)")
        }
        var contents = [UInt8](repeating: 0, count: Self.maximumByteCount + 2)
        var count = 0
        while count < contents.count {
            let got = contents.withUnsafeMutableBytes { read(descriptor, $0.baseAddress! + count, $0.count - count) }
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw refused("cannot be read: \(ErrorText.reason(errno))") }
            if got == 0 { break }
            count += got
        }
        contents.removeSubrange(count...)
        // An editor, or another system, may have added "\n" or "\r\n".
        if contents.last == UInt8(ascii: "\n") {
            contents.removeLast()
            if contents.last == UInt8(ascii: "\r") { contents.removeLast() }
        }
        try self.init(bytes: contents, origin: "the secret file \(shown)")
    }

    /// Makes a new secret in a file that only its owner can read, with the directories above it; `path` is in the text form
    /// of names.
    ///
    /// The file gets its name when it is complete; one that has the name already stays as it is.
    /// - Returns: whether a new secret was made.
    /// - Throws: `TransportError` with code `secret-file` when the file at `path` cannot be made.
    public static func make(at path: String) throws(TransportError) -> Bool {
        let path = BytePath(text: path)
        func refused(_ why: String) -> TransportError {
            TransportError(.secretFile, "no secret can be made in \(path): \(why)")
        }
        for directory in path.directory.ways {
            guard directory.withCString({ mkdir($0, 0o700) }) != 0, errno != EEXIST else { continue }
            // Of a directory that exists, some systems say first that they are read-only.
            var status = stat()
            let reason = ErrorText.reason(errno)
            guard directory.withCString({ stat($0, &status) }) == 0 else { throw refused("\(directory): \(reason)") }
        }
        var random = SystemRandomNumberGenerator()
        let digits = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        let line = digits.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() + "\n"

        let draft = BytePath(path.bytes + Array(".\(getpid())".utf8))
        let descriptor = draft.withCString { open($0, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600) }
        guard descriptor >= 0 else { throw refused(ErrorText.reason(errno)) }
        defer { _ = draft.withCString { unlink($0) } }
        let bytes = Array(line.utf8)
        let isWritten = write(descriptor, bytes, bytes.count) == bytes.count && fsync(descriptor) == 0
        let reason = ErrorText.reason(errno)
        guard close(descriptor) == 0, isWritten else { throw refused(reason) }
        if draft.withCString({ draft in path.withCString { link(draft, $0) } }) == 0 { return true }
        guard errno == EEXIST else { throw refused(ErrorText.reason(errno)) }
        return false
    }

    /// HMAC-SHA-256 of `parts`, one after the other, under the secret.
    func authenticationCode(over parts: [[UInt8]]) -> [UInt8] {
        HMACSHA256.code(over: parts, key: bytes)
    }

    /// Whether `proof` is the code over `parts`; takes the same time wherever they differ.
    func isAuthenticationCode(_ proof: some Collection<UInt8>, over parts: [[UInt8]]) -> Bool {
        HMACSHA256.isCode(Array(proof), over: parts, key: bytes)
    }
}

// However it is printed, logged or dumped, the secret does not show.
extension SharedSecret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "<redacted>" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
