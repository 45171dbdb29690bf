import Foundation
import GRDB
import GRDBSQLite
import JobModel

extension Journal {
    static var configuration: Configuration {
        var configuration = Configuration()
        configuration.label = "tessera.journal"
        configuration.foreignKeysEnabled = true
        configuration.prepareDatabase { database in
            // Exclusive locking comes first: the log's index then lives in our memory instead of in a shared file, and no
            // other program can hold up a checkpoint by reading.
            try database.execute(
                sql: """
                    PRAGMA locking_mode = EXCLUSIVE;
                    PRAGMA auto_vacuum = INCREMENTAL;
                    PRAGMA journal_mode = WAL;
                    PRAGMA synchronous = FULL;
                    PRAGMA wal_autocheckpoint = 0;
                    PRAGMA journal_size_limit = 67108864;
                    """)
        }
        return configuration
    }

    /// SQLite may ignore a setting without a word, and a journal without these keeps no promise.
    static func checkSettings(_ queue: DatabaseQueue, path: String) throws {
        try queue.read { database in
            for (name, wanted) in [("journal_mode", "wal"), ("synchronous", "2"), ("foreign_keys", "1")] {
                let value = try String.fetchOne(database, sql: "PRAGMA \(name)") ?? "nothing"
                guard value == wanted else {
                    throw JournalError.databaseUnusable(path: path, reason: "its \(name) is \(value) and not \(wanted)")
                }
            }
        }
    }

    /// - Returns: whether the log's header is what was written, as far as can be told.
    static func checkLog(_ path: String) throws -> Bool {
        guard FileManager.default.fileExists(atPath: path) else { return true }
        let log = WriteAheadLog(try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped))
        if let reason = log.damage() { throw JournalError.damagedJournal(path: path, reason: reason) }
        return log.isHeaderRight
    }

    /// Runs `change` in a transaction that is durable when this returns. Any error is final.
    func write(_ change: (Database, inout Counters) throws -> Void) throws(JournalError) {
        try state.withLock { state throws(JournalError) in
            guard !state.isClosed else { throw .closed }
            if let failure = state.failure { throw .failed(reason: failure) }
            var counters = state.counters
            do {
                try database.inTransaction(.immediate) { database in
                    try change(database, &counters)
                    // Each transaction moves on, also one that adds no record: the mark tells them apart.
                    if counters.lastSequence == state.counters.lastSequence { counters.lastSequence += 1 }
                    try Schema.update(counters, in: database)
                    return .commit
                }
                try state.mark.write(counters.lastSequence)
                try database.writeWithoutTransaction(checkpointIfNeeded)
            } catch {
                let reason = "\(path): \(error)"
                state.failure = reason
                throw .failed(reason: reason)
            }
            state.counters = counters
        }
    }
}

// MARK: - Checkpoints

extension Journal {
    /// Writes the log back once it is long, so that it takes bounded space and a restart has little to read again.
    private func checkpointIfNeeded(_ database: Database) throws {
        guard try Self.loggedPageCount(database, reset: false) >= checkpointPageCount else { return }
        try database.checkpoint(.passive)
        _ = try Self.loggedPageCount(database, reset: true)
        // What forgotten jobs leave is reused; a bounded part of it goes back to the file system each time.
        try database.execute(sql: "PRAGMA incremental_vacuum(256)")
    }

    /// The pages this connection has written, nearly all of them to the log, since it was last reset.
    private static func loggedPageCount(_ database: Database, reset: Bool) throws -> Int {
        var count: Int32 = 0
        var highest: Int32 = 0
        let code = sqlite3_db_status(
            database.sqliteConnection, SQLITE_DBSTATUS_CACHE_WRITE, &count, &highest, reset ? 1 : 0)
        guard code == SQLITE_OK else { throw DatabaseError(resultCode: ResultCode(rawValue: code)) }
        return Int(count)
    }
}

// MARK: - Columns

extension Statement {
    /// Runs the statement with these values bound, without GRDB's boxes around each of them: this is the journal's inner loop.
    func execute(integers: KeyValuePairs<Int32, Int64>, blob: (position: Int32, bytes: [UInt8])) throws {
        func check(_ code: Int32, _ expected: Int32 = SQLITE_OK) throws {
            guard code == expected else {
                let message = String(cString: sqlite3_errmsg(sqlite3_db_handle(sqliteStatement)))
                throw DatabaseError(resultCode: ResultCode(rawValue: code), message: message, sql: sql)
            }
        }
        for (position, value) in integers { try check(sqlite3_bind_int64(sqliteStatement, position, value)) }
        try blob.bytes.withUnsafeBytes { bytes in
            // SQLite only borrows the bytes, and must forget them before they go.
            defer {
                sqlite3_reset(sqliteStatement)
                sqlite3_clear_bindings(sqliteStatement)
            }
            try check(sqlite3_bind_blob64(sqliteStatement, blob.position, bytes.baseAddress, UInt64(bytes.count), nil))
            try check(sqlite3_step(sqliteStatement), SQLITE_DONE)
        }
    }
}

extension Row {
    /// - Returns: `nil` when the column is no integer, where the row's subscript would trap.
    func integer(at index: Int) -> Int64? {
        Int64.fromDatabaseValue(self[index] as DatabaseValue)
    }
}
