import Cryptography
import Names
import SystemCalls

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

    /// - Parameter origin: the subject of the error's sentence.
    init(bytes: [UInt8], origin: String) throws(TransportError) {
        guard (Self.minimumByteCount...Self.maximumByteCount).contains(bytes.count) else {
            throw TransportError(
                .secretFile,
                "\(origin) has \(bytes.count) bytes; allowed are \(Self.minimumByteCount) to \(Self.maximumByteCount): "
                    + "workers and clients need a copy of the master's secret file; for a new master, "
                    + "`\(Self.recipe)` writes a good secret")
        }
        self.bytes = bytes
    }

    /// Reads the secret that this side proves from the file at `path`: the first one of `Secrets(file:)`.
    /// - Throws: `TransportError` with code `secret-file`.
    public init(file path: String) throws(TransportError) { self = try Secrets(file: path).newest }

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
        do throws(DirectoryError) {
            try makeDirectories(to: path.directory)
        } catch {
            throw refused("\(error.path): \(error.reason)")
        }
        let draft = BytePath(path.bytes + Array(".\(getpid())".utf8))
        let descriptor = draft.withCString { open($0, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600) }
        guard descriptor >= 0 else { throw refused(ErrorText.reason(errno)) }
        defer { _ = draft.withCString { unlink($0) } }
        let bytes = newLine()
        let isWritten = write(descriptor, bytes, bytes.count) == bytes.count && fsync(descriptor) == 0
        let reason = ErrorText.reason(errno)
        guard close(descriptor) == 0, isWritten else { throw refused(reason) }
        if draft.withCString({ draft in path.withCString { link(draft, $0) } }) == 0 { return true }
        guard errno == EEXIST else { throw refused(ErrorText.reason(errno)) }
        return false
    }

    /// A new secret as a line of a secret file: 32 random bytes in hexadecimal, and the end of the line.
    package static func newLine() -> [UInt8] {
        var random = SystemRandomNumberGenerator()
        let digits = Array("0123456789abcdef".utf8)
        return (0..<64).map { _ in digits[Int.random(in: 0..<16, using: &random)] } + [UInt8(ascii: "\n")]
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
