import Glibc
import JobModel
import Journal
import SystemCalls

/// Makes a state directory of a backup: everything is copied beside its place and compared, then takes its place.
///
///     STATE/restoring/...     until all is there, and durable; a master does not start while it exists
///
/// A restore that was interrupted is simply made again.
public struct BackupRestorer: Sendable {
    /// What was restored.
    public struct Outcome: Sendable {
        public let manifest: BackupManifest
        /// The generation that the state has now.
        public let generation: Generation
    }

    private let backup: String
    private let state: String
    /// The wall clock, in milliseconds since 1970.
    private let now: UInt64

    public init(backup: String, stateDirectory: String) {
        self.init(backup: backup, stateDirectory: stateDirectory, at: WallClock.millisecondsSince1970)
    }

    init(backup: String, stateDirectory: String, at now: UInt64) {
        self.backup = backup
        state = stateDirectory
        self.now = now
    }

    /// - Throws: `BackupError`, `JournalError` or `ReplayError`. After an error the state directory is as empty as before.
    public func restore() throws -> Outcome {
        let manifest = try readManifest()
        let isNew = try makeStateDirectory()
        let lock = try StateDirectory(path: state)
        try removeInterrupted()
        let staging = StatePlaces.restoring(state)
        try CheckedFiles.makeDirectory(staging)
        let generation: Generation
        do {
            try CheckedFiles.synchronize(state)
            let sync = try FileSystemSync(of: staging)
            try copy(manifest, to: staging)
            try checkRecords(of: manifest, in: staging)
            generation = try raiseGeneration(in: staging)
            try giveToOwner(staging)
            try sync.finish()
        } catch {
            removeTree(staging)
            if isNew {
                unlink(StatePlaces.lock(state))
                rmdir(state)
            }
            throw error
        }
        try takeOver(staging)
        withExtendedLifetime(lock.path) {}
        return Outcome(manifest: manifest, generation: generation)
    }

    // MARK: Before

    private func readManifest() throws(BackupError) -> BackupManifest {
        let path = backup + "/" + BackupManifest.fileName
        guard let text = try CheckedFiles.bytes(of: path) else {
            let remedy =
                backup.hasSuffix(".incomplete")
                ? "it was interrupted while it was made; take an earlier one"
                : "name the directory that 'tessera-master backup' has made"
            throw BackupError(.notBackup, "\(backup) is not a backup: there is no \(path); \(remedy)")
        }
        do throws(BackupManifest.Malformed) {
            return try BackupManifest(parsing: text)
        } catch {
            switch error {
            case .newer(let form):
                throw BackupError(
                    .newerForm,
                    "\(path) is of another form ('\(form)'); restore it by the release that made it, or a later one")
            case .damaged(let reason):
                throw BackupError(.damaged, "\(path) is damaged: \(reason); take another backup")
            }
        }
    }

    /// - Returns: whether there was none.
    private func makeStateDirectory() throws(BackupError) -> Bool {
        if mkdir(state, 0o700) == 0 { return true }
        guard errno == EEXIST else { throw .system("making", state) }
        let names: [String]
        do { names = try directoryEntries(at: state) } catch { throw .system("listing", state, error) }
        guard !names.contains("restoring") else { return false }
        guard let other = names.sorted().first(where: { $0 != "lock" }) else { return false }
        throw BackupError(
            .notEmpty,
            "the state directory \(state) is not empty: it has '\(other)'; move it away as a whole, or name another with "
                + "--state-dir; nothing was changed")
    }

    /// Removes what an interrupted restore has left. Its mark goes last.
    private func removeInterrupted() throws(BackupError) {
        guard CheckedFiles.exists(StatePlaces.restoring(state)) else { return }
        removeTree(StatePlaces.journal(state))
        for path in [StatePlaces.acknowledged(state), StatePlaces.blobs(state), StatePlaces.restoring(state)] {
            removeTree(path)
        }
        try CheckedFiles.synchronize(state)
    }

    // MARK: Copying

    private func copy(_ manifest: BackupManifest, to staging: String) throws(BackupError) {
        var findings: [String] = []
        func check(_ name: String, _ expected: BlobReference, mode: mode_t) throws(BackupError) {
            let found = try CheckedFiles.copy("\(backup)/\(name)", to: "\(staging)/\(name)", mode: mode)
            if found == expected { return }
            findings.append("\(name) " + (found == nil ? "is missing" : "is not what was written"))
        }
        try check("journal.sqlite", manifest.journal, mode: 0o600)
        try CheckedFiles.makeDirectory(StatePlaces.blobs(staging))
        var shelves: Set<Substring> = []
        for blob in manifest.blobs {
            let hex = blob.digest.description
            let shelf = hex.prefix(2)
            if shelves.insert(shelf).inserted {
                try CheckedFiles.makeDirectory("\(StatePlaces.blobs(staging))/\(shelf)")
            }
            try check("blobs/\(shelf)/\(hex.dropFirst(2))", blob, mode: 0o400)
        }
        guard findings.isEmpty else {
            let named = findings.prefix(5).joined(separator: ", ")
            let more = findings.count > 5 ? ", and \(findings.count - 5) more" : ""
            throw BackupError(
                .damaged, "the backup \(backup) is damaged: \(named)\(more); take another backup; nothing was restored")
        }
    }

    /// Replays the records once, as the master will: a journal that this release cannot read is found now.
    private func checkRecords(of manifest: BackupManifest, in staging: String) throws {
        let journal = try JournalFile(path: StatePlaces.journal(staging))
        let needed = try NeededBlobs(of: journal)
        let known = Set(manifest.blobs.map(\.digest)).union(manifest.missing).union(needed.intermediate)
        let unknown = needed.all.filter { !known.contains($0) }
        guard journal.generation == manifest.generation, journal.sequence == manifest.sequence, unknown.isEmpty else {
            throw BackupError(
                .damaged,
                "the backup \(backup) does not belong together: its journal ends at \(journal.sequence) and needs "
                    + "\(unknown.count) blobs that the manifest does not name, which says \(manifest.sequence); take another "
                    + "backup; nothing was restored")
        }
    }

    private func raiseGeneration(in staging: String) throws -> Generation {
        let journal = try Journal(directory: staging)
        let generation = try journal.raiseGeneration(at: now)
        try journal.close()
        // SQLite removes the log when all of it is in the database, and drops the error when that fails.
        guard !CheckedFiles.exists(StatePlaces.journal(staging) + "-wal") else {
            throw BackupError(
                .system,
                "the log of \(StatePlaces.journal(staging)) could not be written back; free space or repair the disk, then restore "
                    + "again; nothing was restored")
        }
        unlink(StatePlaces.lock(staging))
        return generation
    }

    // MARK: After

    /// What root restores belongs to the owner of the state directory, as the master runs as that user.
    private func giveToOwner(_ path: String) throws(BackupError) {
        var owner = stat()
        guard stat(state, &owner) == 0 else { throw .system("looking up", state) }
        guard geteuid() == 0, owner.st_uid != 0 else { return }
        try Self.give(path, to: owner)
        try Self.give(StatePlaces.lock(state), to: owner)
    }

    private static func give(_ path: String, to owner: stat) throws(BackupError) {
        guard lchown(path, owner.st_uid, owner.st_gid) == 0 else { throw .system("giving away", path) }
        var status = stat()
        guard lstat(path, &status) == 0 else { throw .system("looking up", path) }
        guard status.st_mode & S_IFMT == S_IFDIR else { return }
        let names: [String]
        do { names = try directoryEntries(at: path) } catch { throw .system("listing", path, error) }
        for name in names { try give("\(path)/\(name)", to: owner) }
    }

    /// Everything is durable and compared: it takes its place. The journal comes last but for the mark.
    private func takeOver(_ staging: String) throws(BackupError) {
        try CheckedFiles.rename(StatePlaces.blobs(staging), to: StatePlaces.blobs(state))
        try CheckedFiles.rename(StatePlaces.acknowledged(staging), to: StatePlaces.acknowledged(state))
        try CheckedFiles.rename(StatePlaces.journal(staging), to: StatePlaces.journal(state))
        try CheckedFiles.synchronize(state)
        removeTree(staging)
        try CheckedFiles.synchronize(state)
        try CheckedFiles.synchronize(state + "/..")
    }
}
