import JobModel

/// Why the journal cannot be opened, read or written. None of these can be waited out: the master reports it and exits.
public enum JournalError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The state directory cannot be made, opened or locked.
    case directoryUnusable(path: String, reason: String)
    /// Another master works on the state directory.
    case inUse(path: String, processID: Int32?)
    /// SQLite cannot open or read the database file.
    case databaseUnusable(path: String, reason: String)
    /// The database was written by a newer release, whose tables this one does not know.
    case newerSchema(path: String)
    /// A record is not what was written, or cannot be read by this release.
    case damagedRecord(path: String, sequence: Int64, job: JobID, reason: String)
    /// Records, or the counters over them, are missing or not what was written.
    case damagedJournal(path: String, reason: String)
    /// Writing failed, now or earlier: what is on disk is uncertain, so nothing more is written.
    case failed(reason: String)
    /// The journal could not be copied. The journal itself has no part in it.
    case copyFailed(path: String, reason: String)
    /// It was closed: our own mistake.
    case closed

    /// A stable name, for metric labels and scripts.
    public var code: String {
        switch self {
        case .directoryUnusable: "journal-directory-unusable"
        case .inUse: "journal-in-use"
        case .databaseUnusable: "journal-database-unusable"
        case .newerSchema: "journal-newer-schema"
        case .damagedRecord: "journal-damaged-record"
        case .damagedJournal: "journal-damaged"
        case .failed: "journal-failed"
        case .copyFailed: "journal-copy-failed"
        case .closed: "journal-closed"
        }
    }

    public var description: String {
        switch self {
        case .directoryUnusable(let path, let reason):
            "the state directory \(path) cannot be used: \(reason); it must be a directory that the master may "
                + "write: name it with --state-dir"
        case .inUse(let path, let processID):
            "the state directory \(path) is in use by another master"
                + (processID.map { " (process \($0))" } ?? "")
                + "; stop that one, or give this one a state directory of its own"
        case .databaseUnusable(let path, let reason):
            "the journal \(path) cannot be read: \(reason); restore the state directory from a backup, or move it away to "
                + "start without the jobs it holds"
        case .newerSchema(let path):
            "the journal \(path) was written by a newer release; run that release or a later one on it"
        case .damagedRecord(let path, let sequence, let job, let reason):
            "record \(sequence) of job \(job) in the journal \(path) is damaged: \(reason); restore the state directory from a "
                + "backup, or move it away to start without the jobs it holds"
        case .damagedJournal(let path, let reason):
            "the journal \(path) is damaged: \(reason); restore the state directory from a backup, or move it away to "
                + "start without the jobs it holds"
        case .failed(let reason):
            "the journal could not be written: \(reason); nothing was acknowledged; free space or repair the disk, then "
                + "start the master again"
        case .copyFailed(let path, let reason):
            "the journal could not be copied to \(path): \(reason)"
        case .closed:
            "the journal is closed"
        }
    }
}
