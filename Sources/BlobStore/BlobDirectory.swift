import Glibc
import JobModel
import Synchronization
import SystemCalls

/// The directory of a `LocalBlobStore`: names, timestamps and the order of calls that makes a put durable.
///
///     DIR/incoming/XXXXXX     being written
///     DIR/ab/cdef...          a blob: the 64 digits of its digest, the first two as a directory
///     DIR/damaged/abcdef...   a blob whose bytes no longer match its name; for a person to look at and remove
///
/// A durable blob has mode 0400, a recomputable one 0600, so a durable put of bytes that are already stored knows whether it
/// may rely on them. A blob's modification time is the time of the last put, by the store's own clock.
final class BlobDirectory: Sendable {
    private let root: String
    private let file: OwnedDescriptor
    private let clock: StoreClock
    /// Held while a blob appears, is renewed or disappears. Counts the unconfirmed puts of each blob: its file is not removed.
    private let unconfirmed = Mutex<[BlobDigest: Int]>([:])

    /// The checksums with which every read is compared.
    let checksums = ChecksumTable()

    static let incoming = "incoming"
    static let damaged = "damaged"
    static let shelves: [String] = (0...255).map { Hexadecimal.text([$0]) }

    init(path: String, bootTime: @escaping @Sendable () -> UInt64) throws(BlobStoreError) {
        root = path
        clock = StoreClock(bootTime: bootTime)
        let isNew = try Self.makeDirectory(path, in: AT_FDCWD, shownAs: path)
        guard let file = OwnedDescriptor(result: Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) else {
            throw .system("opening", path)
        }
        self.file = file
        var madeAny = false
        for shelf in [Self.incoming, Self.damaged] + Self.shelves {
            madeAny = try Self.makeDirectory(shelf, in: self.file.number, shownAs: "\(path)/\(shelf)") || madeAny
        }
        if madeAny { try synchronize(".") }
        if isNew { try synchronize("..") }
    }

    /// The open directory, to which all names are relative. Borrowed.
    var descriptor: CInt { file.number }

    func path(_ name: String) -> String { "\(root)/\(name)" }

    static func name(_ digest: BlobDigest) -> String {
        let hex = digest.description
        return "\(hex.prefix(2))/\(hex.dropFirst(2))"
    }

    private static func makeDirectory(
        _ name: String, in parent: CInt, shownAs path: String
    ) throws(BlobStoreError) -> Bool {
        if mkdirat(parent, name, 0o700) == 0 { return true }
        guard errno == EEXIST else { throw .system("making", path) }
        return false
    }

    // MARK: - Putting

    /// Begins a blob: creates a file with a new name.
    func makeIncomingFile(_ durability: Durability) throws(BlobStoreError) -> IncomingFile {
        while true {
            let name = "\(Self.incoming)/\(String(UInt64.random(in: .min ... .max), radix: 36))"
            let flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC
            if let file = OwnedDescriptor(result: openat(descriptor, name, flags, 0o600)) {
                return IncomingFile(in: self, durability, name: name, file: file)
            }
            guard errno == EEXIST || errno == EINTR else { throw .system("making", path(name)) }
        }
    }

    /// Gives a complete file its mode and time; waits for the disk if the blob is to be durable.
    func settle(_ file: CInt, _ durability: Durability) throws(BlobStoreError) {
        var times = [clock.now, clock.now]
        guard futimens(file, &times) == 0 else { throw .system("dating a file in", path(Self.incoming)) }
        guard durability == .durable else { return }
        guard fchmod(file, 0o400) == 0 else { throw .system("protecting a file in", path(Self.incoming)) }
        try Self.synchronize(file, path(Self.incoming))
    }

    /// Renames the settled file `incoming` to the blob's name, unless the blob is already stored.
    func keep(_ incoming: String, as blob: BlobReference, _ durability: Durability) throws(BlobStoreError) {
        let name = Self.name(blob.digest)
        try unconfirmed.withLock { unconfirmed throws(BlobStoreError) in
            if durability == .recomputable, let present = try status(name), present.byteCount == blob.byteCount,
                present.isDurable
            {
                try renew(name)
            } else {
                // Also replaces an existing file: it may be recomputable, cut short by a power failure, or damaged.
                guard renameat(descriptor, incoming, descriptor, name) == 0 else {
                    throw .system("renaming", path(incoming))
                }
            }
            unconfirmed[blob.digest, default: 0] += 1
        }
        if durability == .durable { try synchronize(String(name.prefix(2))) }
    }

    /// Confirms one put of the blob. Its file may be removed once no put is unconfirmed.
    func confirmPut(_ digest: BlobDigest) {
        unconfirmed.withLock { unconfirmed in
            guard let count = unconfirmed[digest] else { return }
            unconfirmed[digest] = count > 1 ? count - 1 : nil
        }
    }

    /// Makes a blob durable that may have been put as recomputable. Its mode says so last, when all else is on the disk.
    func makeDurable(_ digest: BlobDigest) throws(BlobStoreError) {
        let name = Self.name(digest)
        while true {
            guard let present = try status(name) else { throw missing(digest) }
            if present.isDurable { return }
            let reader = try open(digest)
            // Bytes that this process did not write may have been lost with the power before it started.
            if checksums[digest] == nil { try reader.verify() }
            try reader.withDescriptor { file throws(BlobStoreError) in
                try Self.synchronize(file, path(name))
                try synchronize(String(name.prefix(2)))
                guard fchmod(file, 0o400) == 0 else { throw .system("protecting", path(name)) }
                try Self.synchronize(file, path(name))
            }
            // Another put may have taken its place since: then that file is made durable.
            if try status(name)?.isDurable == true { return }
        }
    }

    private func synchronize(_ name: String) throws(BlobStoreError) {
        let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC
        guard let file = OwnedDescriptor(result: openat(descriptor, name, flags)) else {
            throw .system("opening", path(name))
        }
        try Self.synchronize(file.number, path(name))
        _ = consume file
    }

    private static func synchronize(_ file: CInt, _ path: String) throws(BlobStoreError) {
        guard fsync(file) == 0 else {
            let error = SystemError.last
            guard error.code == ENOSPC || error.code == EDQUOT else {
                throw BlobStoreError(.syncFailed, "the disk did not take what was written to \(path): \(error)")
            }
            throw .system("writing", path, error: error)
        }
    }

    // MARK: - Finding

    struct Status {
        let byteCount: UInt64
        let isDurable: Bool
        /// The time since the last put.
        let age: Duration
    }

    /// - Returns: `nil` when there is no file of that name.
    func status(_ name: String) throws(BlobStoreError) -> Status? {
        var status = stat()
        guard fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
            guard errno == ENOENT else { throw .system("looking up", path(name)) }
            return nil
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw BlobStoreError(
                .systemError, "\(path(name)) is not a file; the blob directory must have nothing but blobs")
        }
        return Status(
            byteCount: UInt64(status.st_size), isDurable: status.st_mode & S_IWUSR == 0, age: clock.age(status.st_mtim))
    }

    func contains(_ digest: BlobDigest) throws(BlobStoreError) -> Bool {
        let name = Self.name(digest)
        return try unconfirmed.withLock { _ throws(BlobStoreError) in
            guard try status(name) != nil else { return false }
            try renew(name)
            return true
        }
    }

    private func renew(_ name: String) throws(BlobStoreError) {
        var times = [clock.now, clock.now]
        guard utimensat(descriptor, name, &times, AT_SYMLINK_NOFOLLOW) == 0 else { throw .system("dating", path(name)) }
    }

    func open(_ digest: BlobDigest) throws(BlobStoreError) -> BlobReader {
        let name = Self.name(digest)
        guard let file = OwnedDescriptor(result: openat(descriptor, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)) else {
            throw errno == ENOENT ? missing(digest) : .system("opening", path(name))
        }
        var status = stat()
        guard fstat(file.number, &status) == 0 else { throw .system("looking up", path(name)) }
        return BlobReader(
            digest: digest, file: file, byteCount: UInt64(status.st_size), path: path(name),
            checksums: checksums)
    }

    private func missing(_ digest: BlobDigest) -> BlobStoreError {
        let name = "\(Self.damaged)/\(digest)"
        guard faccessat(descriptor, name, F_OK, 0) == 0 else { return .notFound(digest) }
        return BlobStoreError(
            .notFound, "the blob \(digest) was found damaged and set aside as \(path(name)); send it again",
            blob: digest)
    }

    /// Takes a damaged blob out of use and keeps its file for a person to look at.
    /// - Parameter sparesUnconfirmed: whether an unconfirmed put of the blob prevents it.
    /// - Returns: where it is now; `nil` when there was no such blob.
    func setAside(_ digest: BlobDigest, sparesUnconfirmed: Bool) throws(BlobStoreError) -> String? {
        let (name, place) = (Self.name(digest), "\(Self.damaged)/\(digest)")
        return try unconfirmed.withLock { unconfirmed throws(BlobStoreError) in
            if sparesUnconfirmed, unconfirmed[digest] != nil { return nil }
            checksums.remove(digest)
            guard renameat(descriptor, name, descriptor, place) == 0 else {
                guard errno == ENOENT else { throw .system("setting aside", path(name)) }
                return nil
            }
            return path(place)
        }
    }

    // MARK: - Removing

    /// - Parameter sparesUnconfirmed: whether an unconfirmed put of the blob prevents it.
    /// - Returns: whether a blob was removed.
    func remove(_ digest: BlobDigest, sparesUnconfirmed: Bool) throws(BlobStoreError) -> Bool {
        try unconfirmed.withLock { unconfirmed throws(BlobStoreError) in
            if sparesUnconfirmed, unconfirmed[digest] != nil { return false }
            checksums.remove(digest)
            return try remove(Self.name(digest))
        }
    }

    /// - Returns: whether there was such a file.
    func remove(_ name: String) throws(BlobStoreError) -> Bool {
        guard unlinkat(descriptor, name, 0) == 0 else {
            guard errno == ENOENT else { throw .system("removing", path(name)) }
            return false
        }
        return true
    }

    /// Whether the store has been open, and the file unchanged, for longer than `grace`.
    func isOld(_ name: String, _ grace: Duration) throws(BlobStoreError) -> Bool {
        guard clock.sinceOpening > grace, let status = try status(name) else { return false }
        return status.age > grace
    }

    /// The names of the files in the directory `name`, relative to the root, in no particular order.
    func files(in name: String) throws(BlobStoreError) -> [String] {
        do {
            return try directoryEntries(at: name, in: descriptor).map { "\(name)/\($0)" }
        } catch {
            throw .system("listing", path(name), error: error)
        }
    }

    /// The blobs in `shelf`, in no particular order. Files that are not blobs are left out.
    func blobs(in shelf: String) throws(BlobStoreError) -> [BlobDigest] {
        do {
            return try directoryEntries(at: shelf, in: descriptor).compactMap { BlobDigest(hex: shelf + $0) }
        } catch {
            throw .system("listing", path(shelf), error: error)
        }
    }

    func availableByteCount() throws(BlobStoreError) -> UInt64 {
        var status = statvfs()
        guard fstatvfs(descriptor, &status) == 0 else { throw .system("asking for the free space of", root) }
        return UInt64(status.f_bavail) * UInt64(status.f_frsize)
    }
}
