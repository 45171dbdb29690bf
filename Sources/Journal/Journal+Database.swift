import JobModel
import SQLite

extension Journal {
    // Exclusive locking comes first: the log's index then is in our memory instead of in a shared file, and no other program can
    // hold up a checkpoint by reading.
    private static let settings = [
        "foreign_keys = ON", "locking_mode = EXCLUSIVE", "auto_vacuum = INCREMENTAL", "journal_mode = WAL",
        "synchronous = FULL", "wal_autocheckpoint = 0", "journal_size_limit = 67108864",
    ]

    /// Sets the connection up, brings the tables to those of this release, and reads the counters and the generation.
    static func prepare(_ database: Connection, path: String) throws -> (Counters, Generation) {
        for setting in settings { try database.execute("PRAGMA \(setting)") }
        try checkSettings(database, path: path)
        guard try !Schema.migrations.isSuperseded(in: database) else { throw JournalError.newerSchema(path: path) }
        try Schema.migrations.apply(to: database)
        try GenerationTable.make(in: database)
        return try read(database, path: path)
    }

    /// Reads the counters and the generation.
    static func read(_ database: Connection, path: String) throws -> (Counters, Generation) {
        guard let counters = try Schema.counters(in: database) else {
            throw JournalError.damagedJournal(path: path, reason: "its counters are not what was written")
        }
        guard let generation = try GenerationTable.read(from: database) else {
            throw JournalError.damagedJournal(path: path, reason: "its generation is not what was written")
        }
        return (counters, generation)
    }

    /// SQLite may ignore a setting without a word, and a journal without these keeps no promise.
    private static func checkSettings(_ database: Connection, path: String) throws {
        for (name, wanted) in [("journal_mode", "wal"), ("synchronous", "2"), ("foreign_keys", "1")] {
            let value = try database.text("PRAGMA \(name)") ?? "nothing"
            guard value == wanted else {
                throw JournalError.databaseUnusable(path: path, reason: "its \(name) is \(value) and not \(wanted)")
            }
        }
    }

    /// - Returns: whether the log's header is what was written, as far as can be told.
    static func checkLog(_ path: String) throws(JournalError) -> Bool {
        guard let file = try MappedFile(path: path) else { return true }
        let log = WriteAheadLog(file)
        if let reason = log.damage() { throw JournalError.damagedJournal(path: path, reason: reason) }
        return log.isHeaderRight
    }

    /// Runs `change` in a transaction that is durable when this returns. Any error is final.
    func write(_ change: (Connection, inout Counters) throws -> Void) throws(JournalError) {
        turn.withLock { _ in }
        try state.withLock { state throws(JournalError) in
            guard !state.isClosed else { throw .closed }
            if let failure = state.failure { throw .failed(reason: failure) }
            var counters = state.counters
            do {
                try database.withConnection { database in
                    try database.inTransaction {
                        try change(database, &counters)
                        // Each transaction moves on, also one that adds no record: the mark tells them apart.
                        if counters.lastSequence == state.counters.lastSequence { counters.lastSequence += 1 }
                        try Schema.update(counters, in: database)
                    }
                    try state.mark.write(counters.lastSequence)
                    try checkpointIfNeeded(database)
                }
            } catch {
                let reason = "\(path): \(error)"
                state.failure = reason
                throw .failed(reason: reason)
            }
            state.counters = counters
        }
    }

    /// Writes the log back once it is long, so that it takes bounded space and a restart has little to read again.
    private func checkpointIfNeeded(_ database: Connection) throws(SQLiteError) {
        guard try database.writtenPageCount(reset: false) >= checkpointPageCount else { return }
        try database.checkpoint()
        _ = try database.writtenPageCount(reset: true)
        // What forgotten jobs leave is reused; a bounded part of it goes back to the file system each time.
        try database.execute("PRAGMA incremental_vacuum(256)")
    }
}
