import CLibSQLite

/// A connection to an SQLite database, and its prepared statements.
///
/// Unchecked: a `Database` passes it to one thread at a time.
package final class Connection: @unchecked Sendable {
    private(set) var pointer: OpaquePointer?
    private var statements: [String: Statement] = [:]

    /// Opens the database at `path`, which is made if there is none. Nothing waits for locks of other connections.
    package convenience init(path: String) throws(SQLiteError) {
        try self.init(name: path, flags: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)
    }

    /// Opens the file at `path` for reading. Nobody writes it: it has no log, and nothing is made beside it.
    package convenience init(unchanging path: String) throws(SQLiteError) {
        // What has a meaning in a URI is written by its number.
        var name = Array("file:".utf8)
        for byte in path.utf8 {
            if "?#%".utf8.contains(byte) { name += "%\(String(byte, radix: 16))".utf8 } else { name.append(byte) }
        }
        try self.init(
            name: String(decoding: name, as: UTF8.self) + "?immutable=1",
            flags: SQLITE_OPEN_READONLY | SQLITE_OPEN_URI)
    }

    private init(name: String, flags: CInt) throws(SQLiteError) {
        let code = sqlite3_open_v2(name, &pointer, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nil)
        guard code == SQLITE_OK else {
            let error = SQLiteError(code, of: pointer)
            sqlite3_close_v2(pointer)
            throw error
        }
    }

    deinit {
        statements = [:]
        sqlite3_close_v2(pointer)
    }

    package func close() throws(SQLiteError) {
        statements = [:]
        let code = sqlite3_close(pointer)
        guard code == SQLITE_OK else { throw SQLiteError(code, of: pointer) }
        pointer = nil
    }

    // MARK: - Statements

    /// Runs statements that have no parameters, and passes over any rows.
    package func execute(_ sql: String) throws(SQLiteError) {
        let code = sqlite3_exec(pointer, sql, nil, nil, nil)
        guard code == SQLITE_OK else { throw SQLiteError(code, of: pointer, sql: sql) }
    }

    /// The statement, prepared at its first use and kept.
    package func statement(_ sql: String) throws(SQLiteError) -> Statement {
        if let statement = statements[sql] { return statement }
        let statement = try Statement(sql, connection: pointer)
        statements[sql] = statement
        return statement
    }

    /// The first column of the first row, as text.
    package func text(_ sql: String) throws(SQLiteError) -> String? {
        let statement = try Statement(sql, connection: pointer)
        return try statement.step() ? statement.text(at: 0) : nil
    }

    /// Rows that the last statement changed.
    package var changedRowCount: Int { Int(sqlite3_changes(pointer)) }

    /// A number that is another one whenever another connection, of this process or not, has committed since the last call. Reads
    /// the head of the log in shared memory, and waits for nobody.
    package func dataVersion() throws(SQLiteError) -> Int64 {
        let statement = try statement("PRAGMA data_version")
        defer { statement.reset() }
        guard try statement.step(), let version = statement.integer(at: 0) else {
            preconditionFailure("PRAGMA data_version gives one number")
        }
        return version
    }

    // MARK: - Transactions

    /// Runs `body` in a transaction that is committed unless `body` throws.
    package func inTransaction<Result>(_ body: () throws -> Result) throws -> Result {
        try execute("BEGIN IMMEDIATE")
        do {
            let result = try body()
            try execute("COMMIT")
            return result
        } catch {
            // Some errors have ended the transaction already.
            if sqlite3_get_autocommit(pointer) == 0 { try? execute("ROLLBACK") }
            throw error
        }
    }

    /// Runs `body`, which only reads: all of its statements see the same state.
    package func inSnapshot<Result>(_ body: () throws -> Result) throws -> Result {
        try statement("BEGIN").run()
        // Nothing was changed, so nothing can be lost by an end that fails.
        defer { try? statement("COMMIT").run() }
        return try body()
    }

    // MARK: - Write-ahead log

    /// Writes as much of the log to the database as no reader needs.
    package func checkpoint() throws(SQLiteError) {
        let code = sqlite3_wal_checkpoint_v2(pointer, nil, SQLITE_CHECKPOINT_PASSIVE, nil, nil)
        guard code == SQLITE_OK else { throw SQLiteError(code, of: pointer) }
    }

    /// The number of pages this connection has written, nearly all of them to the log, since it was last reset.
    package func writtenPageCount(reset: Bool) throws(SQLiteError) -> Int {
        var count: Int32 = 0
        var highest: Int32 = 0
        let code = sqlite3_db_status(pointer, SQLITE_DBSTATUS_CACHE_WRITE, &count, &highest, reset ? 1 : 0)
        guard code == SQLITE_OK else { throw SQLiteError(code, of: pointer) }
        return Int(count)
    }
}
