package import Names

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Names a file by its inode, whatever its paths are.
package struct FileIdentity: Sendable, Hashable {
    let device: UInt64
    let inode: UInt64
}

/// The system's description of a file.
package struct FileStatus: Sendable {
    package enum Kind: Sendable { case regular, directory, link, other }

    package let kind: Kind
    package let byteCount: UInt64
    package let identity: FileIdentity
    /// The permissions, without the bits that change who a program runs as.
    let mode: mode_t
    let owner: uid_t
    let group: gid_t

    /// The status of an open file; `nil` with `errno` set when the system does not give it.
    init?(_ file: FileDescriptor) {
        var status = stat()
        guard fstat(file.number, &status) == 0 else { return nil }
        self.init(status)
    }

    /// The status of the file that `path` leads to; `nil` with `errno` set when there is none.
    package init?(at path: BytePath) {
        var status = stat()
        guard path.withCString({ stat($0, &status) }) == 0 else { return nil }
        self.init(status)
    }

    init(_ status: stat) {
        kind =
            switch status.st_mode & S_IFMT {
            case S_IFREG: .regular
            case S_IFDIR: .directory
            case S_IFLNK: .link
            default: .other
            }
        byteCount = UInt64(clamping: status.st_size)
        identity = FileIdentity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
        mode = status.st_mode & 0o777
        owner = status.st_uid
        group = status.st_gid
    }
}
