import GRDB
import JobModel
// GRDB has a class of that name.
import enum JobModel.Record
import Synchronization

/// The master's durable record: what `append` returned from survives kill -9 and loss of power.
///
/// One SQLite database in write-ahead mode with `synchronous=FULL`, in a state directory that one process holds at a time:
///
///     DIR/lock              held by flock(2) for as long as the journal is open
///     DIR/journal.sqlite    tables `record` and `counter`; see Schema.swift
///     DIR/journal.sqlite-wal
///
/// All methods block, on the disk. They may be called from any thread, and exclude each other.
///
/// SQLite goes on after a failed fsync, as if the next one could make up for it; on Linux it cannot, because the pages that
/// could not be written count as clean. So the first failure of any write is final: every later `append` throws
/// `JournalError.failed`, and the master must exit. For the same reason checkpoints are made here, in the open, and not by
/// SQLite's automatism, which drops their errors.
public final class Journal: Sendable {
    public let path: String

    /// Pages in the write-ahead log (4 KiB each) from which it is written back to the database and begun anew.
    public static let defaultCheckpointPageCount = 2000

    let database: DatabaseQueue
    let checkpointPageCount: Int
    let state: Mutex<State>

    struct State: ~Copyable {
        /// As of the last committed transaction.
        var counters: Counters
        /// Why nothing more is written.
        var failure: String?
        /// Held until the database is closed.
        var directory: StateDirectory?
        var isClosed: Bool { directory == nil }
    }

    /// Opens the journal in `directory`, which is made if there is none. Records are read by `replay`.
    ///
    /// - Parameter checkpointPageCount: pages in the log from which it is written back.
    public init(
        directory: String, checkpointPageCount: Int = Journal.defaultCheckpointPageCount
    ) throws(JournalError) {
        self.checkpointPageCount = checkpointPageCount
        let stateDirectory = try StateDirectory(path: directory)
        path = directory + "/journal.sqlite"
        let counters: Counters
        do {
            try Self.checkLog(path + "-wal")
            database = try DatabaseQueue(path: path, configuration: Self.configuration)
            try Self.checkSettings(database, path: path)
            guard try !database.read(Schema.migrator.hasBeenSuperseded) else {
                throw JournalError.newerSchema(path: path)
            }
            try Schema.migrator.migrate(database)
            guard let stored = try database.read(Schema.counters(in:)) else {
                throw JournalError.damagedJournal(path: path, reason: "its counters are not what was written")
            }
            counters = stored
        } catch let error as JournalError {
            throw error
        } catch {
            throw .databaseUnusable(path: path, reason: "\(error)")
        }
        try stateDirectory.synchronize()
        state = Mutex(State(counters: counters, directory: stateDirectory))
    }

    deinit {
        // The database first, then the lock; an error here leaves a log that the next opening reads.
        try? close()
    }

    /// Closes the database and lets go of the state directory. Nothing can be read or written afterwards.
    public func close() throws(JournalError) {
        try state.withLock { state throws(JournalError) in
            guard !state.isClosed else { return }
            do { try database.close() } catch { throw .failed(reason: "\(error)") }
            state.directory = nil
        }
    }

    // MARK: - Identifiers

    /// The highest job that any record ever named, forgotten ones included; `JobID(0)` before the first.
    public var highestJobID: JobID { state.withLock { JobID($0.counters.highestJob) } }

    /// The highest worker that any record ever named or that was reserved; `WorkerID(0)` before the first.
    public var highestWorkerID: WorkerID { state.withLock { WorkerID($0.counters.highestWorker) } }

    /// Makes it durable that the identifiers up to `worker` are taken, so that they are not given out again after a restart.
    /// Reserving them in blocks spares a transaction for each worker that registers.
    public func reserveWorkerIDs(through worker: WorkerID) throws(JournalError) {
        try write { _, counters in counters.highestWorker = max(counters.highestWorker, worker.rawValue) }
    }

    // MARK: - Records

    /// The records that are kept.
    public var recordCount: Int { state.withLock { Int($0.counters.recordCount) } }

    /// Writes the records in one transaction, which is durable when this returns. `jobForgotten` removes what there is of its
    /// job, earlier in `records` included, and is not kept itself.
    public func append(_ records: [Record]) throws(JournalError) {
        guard !records.isEmpty else { return }
        try write { database, counters in
            for record in records {
                counters.noted(record)
                if case .jobForgotten(let job) = record {
                    try Self.forget(job, in: database, &counters)
                } else {
                    try Self.insert(record, into: database, &counters)
                }
            }
        }
    }

    /// Passes every record to `body`, in the order they were appended. Errors of `body` end the replay and are rethrown.
    ///
    /// Each row is checked against its checksum before it is decoded, and at the end all rows against the counters.
    /// - Throws: `JournalError`, or what `body` throws.
    public func replay(_ body: (Record) throws -> Void) throws {
        let expected = try state.withLock { state throws(JournalError) in
            guard !state.isClosed else { throw .closed }
            return state.counters
        }
        var found = Counters()
        do {
            try database.read { database in
                let rows = try Row.fetchCursor(
                    database, sql: "SELECT sequence, job, kind, body, checksum FROM record ORDER BY sequence")
                while let row = try rows.next() {
                    let (record, checksum) = try Self.record(in: row)
                    found.added(checksum)
                    try body(record)
                }
            }
        } catch let error as DatabaseError {
            throw JournalError.databaseUnusable(path: path, reason: "\(error)")
        }
        guard found.recordCount == expected.recordCount, found.combinedChecksum == expected.combinedChecksum else {
            throw JournalError.damagedJournal(
                path: path,
                reason:
                    "\(expected.recordCount) records were written and \(found.recordCount) are found, or not the same ones"
            )
        }
    }
}

// MARK: - Rows

extension Journal {
    private static func insert(_ record: Record, into database: Database, _ counters: inout Counters) throws {
        let body = record.encoded()
        counters.lastSequence += 1
        let job = Int64(bitPattern: record.job.rawValue)
        let kind = Int64(record.kind.rawValue)
        let checksum = body.withUnsafeBytes {
            recordChecksum(sequence: counters.lastSequence, job: job, kind: kind, body: $0)
        }
        let statement = try database.cachedStatement(
            sql: "INSERT INTO record (sequence, job, kind, body, checksum) VALUES (?, ?, ?, ?, ?)")
        try statement.execute(integers: [1: counters.lastSequence, 2: job, 3: kind, 5: checksum], blob: (4, body))
        counters.added(checksum)
    }

    private static func forget(_ job: JobID, in database: Database, _ counters: inout Counters) throws {
        let arguments: StatementArguments = [Int64(bitPattern: job.rawValue)]
        let checksums = try Int64.fetchCursor(
            database.cachedStatement(sql: "SELECT checksum FROM record WHERE job = ?"), arguments: arguments)
        while let checksum = try checksums.next() { counters.removed(checksum) }
        try database.cachedStatement(sql: "DELETE FROM record WHERE job = ?").execute(arguments: arguments)
    }

    /// Decodes a row, trusting none of it: damage in the database's own pages shows as any value of any type.
    private static func record(in row: Row) throws -> (record: Record, checksum: Int64) {
        let sequence = row.integer(at: 0) ?? 0
        let job = row.integer(at: 1) ?? 0
        func damaged(_ reason: String) -> JournalError {
            .damagedRecord(sequence: sequence, job: JobID(UInt64(bitPattern: job)), reason: reason)
        }
        guard let kind = row.integer(at: 2), let checksum = row.integer(at: 4) else {
            throw damaged("its columns are not numbers")
        }
        let body = try row.bytes(at: 3)
        let found = body.withUnsafeBytes { recordChecksum(sequence: sequence, job: job, kind: kind, body: $0) }
        guard found == checksum else { throw damaged("its bytes are not what was written") }
        do throws(BinaryCodingError) {
            return (try Record(decoding: body), checksum)
        } catch {
            throw damaged(error.description)
        }
    }
}
