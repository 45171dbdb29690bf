import CLibSQLite

/// A copy of a database that is made some pages at a time, while the database is in use.
///
/// What the source's own connection writes between two steps is written to the copy, too: the copy is the database as it is
/// at the last step (https://www.sqlite.org/backup.html). All calls, and those of the source, exclude each other; the caller
/// sees to it.
package final class OnlineCopy {
    private let target: Connection
    private var backup: OpaquePointer?

    /// Begins to copy `source` to a new file at `path`.
    ///
    /// The copy is not durable before its file is synced by the caller: a step never waits for the disk.
    package init(of source: Connection, to path: String) throws(SQLiteError) {
        target = try Connection(path: path)
        for setting in ["locking_mode = EXCLUSIVE", "journal_mode = OFF", "synchronous = OFF"] {
            try target.execute("PRAGMA \(setting)")
        }
        backup = sqlite3_backup_init(target.pointer, "main", source.pointer, "main")
        guard backup != nil else { throw SQLiteError(sqlite3_errcode(target.pointer), of: target.pointer) }
    }

    deinit { finish() }

    /// Copies at most `pageCount` pages.
    /// - Returns: whether the copy is complete.
    package func step(pageCount: Int) throws(SQLiteError) -> Bool {
        let code = sqlite3_backup_step(backup, Int32(clamping: pageCount))
        switch code {
        case SQLITE_DONE: return true
        case SQLITE_OK: return false
        default: throw SQLiteError(code, of: nil)
        }
    }

    /// Lets go of both databases; further calls have no effect.
    package func finish() {
        guard let backup else { return }
        // Its error is that of the last step.
        sqlite3_backup_finish(backup)
        self.backup = nil
        try? target.close()
    }
}
