import Glibc
import JobModel
import Journal
import SystemCalls

/// Writes a backup: a directory with a journal, the durable blobs that it needs, and a manifest.
///
///     DIR.incomplete/...      while it is written
///     DIR/journal.sqlite      the journal up to one transaction
///     DIR/blobs/ab/cdef...    as in a state directory: links to the master's files, or copies on another file system
///     DIR/manifest            see BackupManifest
///
/// The directory gets its name when all is on the disk: what has the name is whole. Every byte is read and compared once,
/// links included.
public struct BackupWriter: Sendable {
    public let directory: String
    private let incomplete: String
    private let release: String

    /// - Throws: when `directory` exists.
    public init(directory: String, release: String) throws(BackupError) {
        var path = directory[...]
        while path.count > 1, path.last == "/" { path.removeLast() }
        self.directory = String(path)
        self.release = release
        incomplete = self.directory + ".incomplete"
        guard !CheckedFiles.exists(self.directory) else {
            throw BackupError(
                .exists, "\(self.directory) exists; name a directory that does not: each backup has its own")
        }
    }

    /// - Parameters:
    ///   - blobs: the directory with the blobs, of which none that the journal needs is removed before this returns.
    ///   - copyJournal: writes the journal to the path that it is given.
    /// - Throws: `BackupError`, `JournalError` or `ReplayError`. After an error no backup exists.
    public func write(blobs: String, copyJournal: (String) throws -> Void) throws -> BackupManifest {
        try removeLeftover()
        try CheckedFiles.makeDirectory(incomplete)
        do {
            let sync = try FileSystemSync(of: incomplete)
            let manifest = try fill(blobs: blobs, copyJournal)
            try sync.finish()
            try CheckedFiles.write(manifest.text, toNew: incomplete + "/" + BackupManifest.fileName)
            try CheckedFiles.synchronize(incomplete)
            try CheckedFiles.rename(incomplete, to: directory)
            try CheckedFiles.synchronize(directory + "/..")
            return manifest
        } catch {
            removeTree(incomplete)
            throw error
        }
    }

    /// Copies a file, for `copyJournal`.
    public static func copyFile(_ path: String, to target: String) throws(BackupError) {
        guard try CheckedFiles.copy(path, to: target, mode: 0o600) != nil else { throw .system("opening", path) }
    }

    /// Removes what an interrupted backup to the same place has left, and nothing else.
    private func removeLeftover() throws(BackupError) {
        guard CheckedFiles.exists(incomplete) else { return }
        let names: [String]
        do { names = try directoryEntries(at: incomplete) } catch { throw .system("listing", incomplete, error) }
        let others = names.filter { name in !["journal.sqlite", "blobs", BackupManifest.fileName].contains(name) }
        guard others.isEmpty else {
            throw BackupError(
                .exists,
                "\(incomplete), where the backup is written first, has '\(others[0])', which no backup has; move it away"
            )
        }
        removeTree(incomplete)
    }

    private func fill(blobs source: String, _ copyJournal: (String) throws -> Void) throws -> BackupManifest {
        let path = StatePlaces.journal(incomplete)
        try copyJournal(path)
        guard let contents = try CheckedFiles.contents(of: path) else { throw BackupError.system("opening", path) }
        let journal = try JournalFile(path: path)
        let needed = try NeededBlobs(of: journal)
        let target = StatePlaces.blobs(incomplete)
        try CheckedFiles.makeDirectory(target)
        var shelves: Set<Substring> = []
        var stored: [BlobReference] = []
        var missing: [BlobDigest] = []
        for digest in needed.all.sorted() {
            let hex = digest.description
            let shelf = hex.prefix(2)
            if shelves.insert(shelf).inserted { try CheckedFiles.makeDirectory("\(target)/\(shelf)") }
            let name = "\(shelf)/\(hex.dropFirst(2))"
            if let blob = try store(digest, from: "\(source)/\(name)", to: "\(target)/\(name)") {
                stored.append(blob)
            } else if !needed.intermediate.contains(digest) {
                missing.append(digest)
            }
        }
        return BackupManifest(
            release: release, generation: journal.generation, sequence: journal.sequence,
            recordCount: journal.recordCount, journal: contents, blobs: stored, missing: missing)
    }

    /// Links or copies one blob, if it is durable and is what its name says.
    private func store(
        _ digest: BlobDigest, from source: String, to target: String
    ) throws(BackupError) -> BlobReference? {
        var status = stat()
        guard lstat(source, &status) == 0 else {
            guard errno == ENOENT else { throw .system("looking up", source) }
            return nil
        }
        // What its owner may write is not synced: it can be computed again, and may change until it is kept.
        guard status.st_mode & S_IFMT == S_IFREG, status.st_mode & S_IWUSR == 0 else { return nil }
        let contents: BlobReference?
        if link(source, target) == 0 {
            contents = try CheckedFiles.contents(of: target)
        } else {
            switch errno {
            case EXDEV, EPERM, EOPNOTSUPP, EMLINK:
                contents = try CheckedFiles.copy(source, to: target, mode: 0o400)
            default: throw .system("linking", source)
            }
        }
        guard let contents, contents.digest == digest else {
            unlink(target)
            return nil
        }
        return contents
    }
}
