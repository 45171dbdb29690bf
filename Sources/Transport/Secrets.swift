import Names

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The secrets of a secret file: one, or two while the secret changes.
///
/// A file of one line has one secret. A file of two lines has the new secret first and the former one second. Every peer proves
/// the first one of its own file; the master also accepts proofs of the second. A file with a byte that is not printable ASCII,
/// other than the ends of lines, is one secret as a whole: random bytes may look like the end of a line.
public struct Secrets: Sendable, Hashable {
    /// The secret that this side proves.
    public let newest: SharedSecret
    /// The secret that the master also accepts, until it is retired.
    public let former: SharedSecret?

    public init(_ newest: SharedSecret, former: SharedSecret? = nil) {
        self.newest = newest
        self.former = former
    }

    /// Reads the file at `path`, which is in the text form of names.
    ///
    /// The file is opened first and judged by its descriptor, so that it cannot be exchanged in between.
    /// - Throws: `TransportError` with code `secret-file`: missing, not a regular file, open to others; a line that is too short
    ///   or long; more than two lines; two equal ones.
    public init(file path: String) throws(TransportError) {
        let lines = try Self.lines(ofFile: path)
        self = try Secrets(lines: lines, origin: "the secret file \(ShownText.of(path))")
    }

    init(lines: [[UInt8]], origin: String) throws(TransportError) {
        guard lines.count <= 2 else {
            throw TransportError(
                .secretFile,
                "\(origin) has \(lines.count) lines; at most 2 are allowed, the new secret and the former one: delete line 3 "
                    + "and what follows it")
        }
        guard lines.count == 2 else {
            self.init(try SharedSecret(bytes: lines.first ?? [], origin: origin))
            return
        }
        guard !lines[1].isEmpty else {
            throw TransportError(.secretFile, "line 2 of \(origin) is empty: delete it, or put the former secret there")
        }
        let newest = try SharedSecret(bytes: lines[0], origin: "line 1 of \(origin)")
        let former = try SharedSecret(bytes: lines[1], origin: "line 2 of \(origin)")
        guard newest != former else {
            throw TransportError(.secretFile, "lines 1 and 2 of \(origin) are the same secret: delete line 2")
        }
        self.init(newest, former: former)
    }

    /// The lines of a secret file, without their ends; one of all bytes where they are not text.
    package static func lines(ofFile path: String) throws(TransportError) -> [[UInt8]] {
        var contents = try Self.contents(ofFile: path)
        func isEnd(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") }
        // An editor, or another system, may have added "\n" or "\r\n".
        if contents.last == UInt8(ascii: "\n") {
            contents.removeLast()
            if contents.last == UInt8(ascii: "\r") { contents.removeLast() }
        }
        guard contents.allSatisfy({ 0x20...0x7E ~= $0 || isEnd($0) }) else { return [contents] }
        return contents.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map { line in
            Array(line.last == UInt8(ascii: "\r") ? line.dropLast() : line)
        }
    }

    private static func contents(ofFile path: String) throws(TransportError) -> [UInt8] {
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
        var contents = [UInt8](repeating: 0, count: (SharedSecret.maximumByteCount + 2) * 2)
        var count = 0
        while count < contents.count {
            let got = contents.withUnsafeMutableBytes { read(descriptor, $0.baseAddress! + count, $0.count - count) }
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw refused("cannot be read: \(ErrorText.reason(errno))") }
            if got == 0 { break }
            count += got
        }
        contents.removeSubrange(count...)
        return contents
    }
}

// However it is printed, logged or dumped, no secret shows.
extension Secrets: CustomStringConvertible {
    public var description: String { former == nil ? "one secret" : "two secrets" }
}
