import Dispatch
import Glibc
import JobModel
import SQLite
import Synchronization

/// The master's durable records: once `append` has returned, they survive kill -9 and loss of power.
///
/// One SQLite database in write-ahead mode with `synchronous=FULL`, in a state directory that one process holds at a time:
///
///     DIR/lock              held by flock(2) for as long as the journal is open
///     DIR/journal.sqlite    tables `record` and `counter`; see Schema.swift
///     DIR/journal.sqlite-wal
///     DIR/acknowledged      how far the journal must reach; see AcknowledgedMark.swift
///
/// All methods block on the disk. They may be called from any thread, and exclude each other.
///
/// SQLite continues after a failed fsync, as if the next one could make up for it; on Linux it cannot, because the pages that
/// could not be written count as clean. So the first failure of any write is final: every later `append` throws
/// `JournalError.failed`, and the master must exit. For the same reason the journal makes its checkpoints itself: SQLite's
/// automatic ones drop their errors.
public final class Journal: Sendable {
    public let path: String

    /// The number of pages in the write-ahead log (4 KiB each) from which on it is written back to the database.
    public static let defaultCheckpointPageCount = 2000

    let database: Database
    let checkpointPageCount: Int
    let state: Mutex<State>
    /// Held by a copy while it waits for `state`, and passed by each write before: writes in a row take `state` again at once, and
    /// a copy would hardly ever get it.
    let turn = Mutex(())

    struct State: ~Copyable {
        /// The counters after the last committed transaction.
        var counters: Counters
        /// The first failure, after which nothing more is written.
        var failure: String?
        var generation: Generation
        let mark: AcknowledgedMark
        /// Held until the database is closed.
        var directory: StateDirectory?
        var isClosed: Bool { directory == nil }
    }

    /// Whether the journal has transactions, but not the mark that shows how far it must reach: it was removed, or a loss of power
    /// took it, or the directory was restored without it. Whether the journal's end is missing cannot be told then.
    public let isMarkMissing: Bool

    /// Opens the journal in `directory`, which is made if there is none. Records are read by `replay`.
    ///
    /// - Parameter checkpointPageCount: pages in the log from which it is written back.
    public init(
        directory: String, checkpointPageCount: Int = Journal.defaultCheckpointPageCount
    ) throws(JournalError) {
        self.checkpointPageCount = checkpointPageCount
        let stateDirectory = try StateDirectory(path: directory)
        path = directory + "/journal.sqlite"
        let (counters, generation): (Counters, Generation)
        let isLogHeaderRight: Bool
        do {
            isLogHeaderRight = try Self.checkLog(path + "-wal")
            database = try Database(path: path)
            (counters, generation) = try database.withConnection { [path] in try Self.prepare($0, path: path) }
        } catch let error as JournalError {
            throw error
        } catch let error as SQLiteError where error.isBusy {
            // The lock file was removed under another master, which still has the database.
            throw .inUse(path: directory, processID: nil)
        } catch {
            throw .databaseUnusable(path: path, reason: "\(error)")
        }
        let mark = try AcknowledgedMark(path: directory + "/acknowledged")
        let acknowledged = mark.read()
        guard isLogHeaderRight || acknowledged != nil else {
            throw .damagedJournal(
                path: path + "-wal",
                reason: "the header of the write-ahead log is not what was written, and nothing shows what was in it")
        }
        if let acknowledged, acknowledged > counters.lastSequence {
            throw .damagedJournal(
                path: path,
                reason:
                    "it ends at \(counters.lastSequence), but what was written up to \(acknowledged) was acknowledged; "
                    + "the end of its write-ahead log is missing or damaged")
        }
        isMarkMissing = acknowledged == nil && counters.lastSequence > 0
        try stateDirectory.synchronize()
        state = Mutex(
            State(counters: counters, generation: generation, mark: mark, directory: stateDirectory))
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

    /// Locks the state directory again if somebody removed its lock file; to be called now and then.
    ///
    /// - Returns: whether that was necessary.
    public func keepLock() throws(JournalError) -> Bool {
        try state.withLock { state throws(JournalError) in try state.directory?.keepLock() ?? false }
    }

    /// The size of the write-ahead log of the journal in `directory`; 0 while there is none.
    public static func logByteCount(in directory: String) -> UInt64 {
        var status = stat()
        return stat(directory + "/journal.sqlite-wal", &status) == 0 ? UInt64(status.st_size) : 0
    }

    // MARK: - Identifiers

    /// The highest job that any record ever named, forgotten ones included; `JobID(0)` before the first.
    public var highestJobID: JobID { state.withLock { JobID($0.counters.highestJob) } }

    /// The highest worker that any record ever named or reserved; `WorkerID(0)` before the first. Releases that did not have
    /// the record `workersReserved` kept their reservations in this counter alone.
    public var highestWorkerID: WorkerID { state.withLock { WorkerID($0.counters.highestWorker) } }

    // MARK: - Generation

    /// Which state it is: of which lineage, and when it was restored.
    public var generation: Generation { state.withLock { $0.generation } }

    /// Begins the next generation, durably: the state was restored from a backup.
    ///
    /// Jobs and workers are numbered from the next million on: what the lost master has given out since the backup names nothing
    /// else.
    /// - Parameter now: the wall clock, in milliseconds since 1970.
    public func raiseGeneration(at now: UInt64) throws(JournalError) -> Generation {
        let raised = generation.restored(at: now)
        try write { database, counters in
            try GenerationTable.write(raised, to: database)
            counters.highestJob = Self.nextMillion(counters.highestJob)
            counters.highestWorker = Self.nextMillion(counters.highestWorker)
        }
        state.withLock { $0.generation = raised }
        return raised
    }

    private static func nextMillion(_ number: UInt64) -> UInt64 { (number / 1_000_000 + 1) * 1_000_000 }

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
                switch record {
                case .jobForgotten(let job): try Self.forget(job, in: database, &counters)
                case .workersReserved:
                    // It replaces the reservation before it.
                    try Self.forget(Self.noJob, in: database, &counters)
                    try Self.insert(record, into: database, &counters)
                default: try Self.insert(record, into: database, &counters)
                }
            }
        }
    }

    /// Passes every record to `body`, in the order they were appended. Errors of `body` end the replay and are rethrown.
    ///
    /// Each row is checked against its checksum before it is decoded, and at the end all rows against the counters. Rows are
    /// read and decoded on a thread of their own, some ahead of `body`.
    /// - Throws: `JournalError`, or what `body` throws.
    public func replay(_ body: (Record) throws -> Void) throws {
        let expected = try state.withLock { state throws(JournalError) in
            guard !state.isClosed else { throw .closed }
            return state.counters
        }
        // Not `self`: a journal that its owner lets go of must be closed then, and not when the thread has ended.
        try Self.replay(database, at: path, expected, body)
    }

    static func replay(
        _ database: Database, at path: String, _ expected: Counters, _ body: (Record) throws -> Void
    ) throws {
        let pipe = RecordPipe()
        DispatchQueue(label: "journal reader").async {
            pipe.finish(Result { try readRecords(of: database, at: path, into: pipe, expected) })
        }
        do {
            while let batch = try pipe.take() {
                for record in batch { try body(record) }
            }
        } catch {
            pipe.abandon()
            throw error
        }
    }

    private static func readRecords(
        of database: Database, at path: String, into pipe: RecordPipe, _ expected: Counters
    ) throws {
        var found = Counters()
        do {
            try database.withConnection { database in
                let rows = try RecordRows(database, path: path)
                defer { rows.end() }
                var batch: [Record] = []
                batch.reserveCapacity(batchCount)
                while let (record, checksum) = try rows.next() {
                    found.added(checksum)
                    batch.append(record)
                    guard batch.count == batchCount else { continue }
                    guard pipe.put(batch) else { throw CancellationError() }
                    batch.removeAll(keepingCapacity: true)
                }
                _ = pipe.put(batch)
            }
        } catch is DatabaseClosed {
            throw JournalError.closed
        } catch let error as SQLiteError {
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

    private static let batchCount = 2048
}

// MARK: - Rows

extension Journal {
    /// The `job` column of reservations, of which one is kept. The table demands a positive number, and no job ever has this one.
    private static let noJob = JobID(UInt64(Int64.max))
    /// The `job` column of other records that are about no job: they are all kept.
    private static let cluster = JobID(UInt64(Int64.max) - 1)

    private static func insert(_ record: Record, into database: Connection, _ counters: inout Counters) throws {
        let body = record.encoded()
        counters.lastSequence += 1
        let job = Int64(bitPattern: (record.job ?? (record.kind == .workersReserved ? noJob : cluster)).rawValue)
        let kind = Int64(record.kind.rawValue)
        let statement = try database.statement(
            "INSERT INTO record (sequence, job, kind, checksum, body) VALUES (?, ?, ?, ?, ?)")
        let checksum = try body.withUnsafeBytes { body in
            let checksum = recordChecksum(sequence: counters.lastSequence, job: job, kind: kind, body: body)
            defer { statement.reset() }
            try statement.bind([counters.lastSequence, job, kind, checksum])
            try statement.bind(body, at: 5)
            try statement.run()
            return checksum
        }
        counters.added(checksum)
    }

    private static func forget(_ job: JobID, in database: Connection, _ counters: inout Counters) throws {
        let job = Int64(bitPattern: job.rawValue)
        let checksums = try database.statement("SELECT checksum FROM record WHERE job = ?")
        defer { checksums.reset() }
        try checksums.bind([job])
        while try checksums.step() {
            // The schema allows nothing else than integers.
            if let checksum = checksums.integer(at: 0) { counters.removed(checksum) }
        }
        let deletion = try database.statement("DELETE FROM record WHERE job = ?")
        try deletion.bind([job])
        try deletion.run()
    }
}
