import Names

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The two changes of a secret file, from one secret to the next.
///
/// ```
///   one line  --add-->  two lines, the new one first  --retire-->  one line, the new one
/// ```
package enum SecretFileChange {
    /// Puts a new secret in front of the one that the file has.
    /// - Throws: `TransportError` with code `secret-file`: the file has two already, or its secret is not a line of text, or it
    ///   cannot be replaced.
    package static func addNew(to path: String) throws(TransportError) {
        let shown = ShownText.of(path)
        let lines = try validLines(path)
        guard lines.count == 1 else {
            throw TransportError(
                .secretFile,
                "the secret file \(shown) has two secrets already: a change is under way; end it with `tessera secret retire`"
            )
        }
        guard lines[0].allSatisfy({ 0x20...0x7E ~= $0 }) else {
            throw TransportError(
                .secretFile,
                "the secret in \(shown) is not a line of text, so no other can be put in front of it; give all machines a file "
                    + "made by `\(SharedSecret.recipe)`, and start the daemons again")
        }
        try replace(path, with: SharedSecret.newLine() + lines[0] + [UInt8(ascii: "\n")])
    }

    /// Drops the former secret.
    /// - Throws: `TransportError` with code `secret-file`: the file has only one secret, or it cannot be replaced.
    package static func retireFormer(in path: String) throws(TransportError) {
        let lines = try validLines(path)
        guard lines.count == 2 else {
            throw TransportError(
                .secretFile, "the secret file \(ShownText.of(path)) has one secret; there is no former one to retire")
        }
        try replace(path, with: lines[0] + [UInt8(ascii: "\n")])
    }

    private static func validLines(_ path: String) throws(TransportError) -> [[UInt8]] {
        let lines = try Secrets.lines(ofFile: path)
        _ = try Secrets(lines: lines, origin: "the secret file \(ShownText.of(path))")
        return lines
    }

    /// Replaces the file at once: whenever it is read, and after a power cut, it is the old one or the new one. Owner, group and
    /// mode stay.
    private static func replace(_ path: String, with bytes: [UInt8]) throws(TransportError) {
        let path = BytePath(text: path)
        func refused(_ why: String) -> TransportError {
            TransportError(.secretFile, "the secret file \(path) cannot be replaced: \(why); it stays as it was")
        }
        var status = stat()
        guard path.withCString({ stat($0, &status) }) == 0 else { throw refused(ErrorText.reason(errno)) }
        let draft = BytePath(path.bytes + Array(".\(getpid())".utf8))
        let descriptor = draft.withCString { open($0, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600) }
        guard descriptor >= 0 else { throw refused(ErrorText.reason(errno)) }
        let isWritten =
            fchown(descriptor, status.st_uid, status.st_gid) == 0
            && fchmod(descriptor, status.st_mode & 0o700) == 0
            && write(descriptor, bytes, bytes.count) == bytes.count && fsync(descriptor) == 0
        let reason = ErrorText.reason(errno)
        close(descriptor)
        let isReplaced = isWritten && draft.withCString { draft in path.withCString { rename(draft, $0) } } == 0
        guard isReplaced else {
            let reason = isWritten ? ErrorText.reason(errno) : reason
            _ = draft.withCString { unlink($0) }
            throw refused(reason)
        }
        let directory = path.directory.withCString { open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard directory >= 0 else { return }
        fsync(directory)
        close(directory)
    }
}
