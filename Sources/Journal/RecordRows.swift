import GRDB
import GRDBSQLite
import JobModel
import enum JobModel.Record

/// The rows of the `record` table in order, read without GRDB's boxes around each value: the inner loop of every restart.
///
/// Trusts none of what it reads: damage in the database's own pages shows as any value of any type.
struct RecordRows {
    private let statement: Statement
    /// The database's file, for messages.
    private let path: String

    init(_ database: Database, path: String) throws {
        self.path = path
        statement = try database.makeStatement(
            sql: "SELECT sequence, job, kind, body, checksum FROM record ORDER BY sequence")
    }

    /// - Returns: `nil` after the last row.
    /// - Throws: `JournalError.damagedRecord`, or a `DatabaseError`.
    func next() throws -> (record: Record, checksum: Int64)? {
        let code = sqlite3_step(statement.sqliteStatement)
        guard code == SQLITE_ROW else {
            guard code == SQLITE_DONE else { throw DatabaseError(resultCode: ResultCode(rawValue: code)) }
            return nil
        }
        let sequence = integer(0) ?? 0
        let job = integer(1) ?? 0
        func damaged(_ reason: String) -> JournalError {
            .damagedRecord(path: path, sequence: sequence, job: JobID(UInt64(bitPattern: job)), reason: reason)
        }
        guard let kind = integer(2), let checksum = integer(4) else { throw damaged("its columns are not numbers") }
        // Valid until the next step.
        let body = UnsafeRawBufferPointer(
            start: sqlite3_column_blob(statement.sqliteStatement, 3),
            count: Int(sqlite3_column_bytes(statement.sqliteStatement, 3)))
        guard recordChecksum(sequence: sequence, job: job, kind: kind, body: body) == checksum else {
            throw damaged("its bytes are not what was written")
        }
        do throws(BinaryCodingError) {
            return (try Record(decoding: [UInt8](body)), checksum)
        } catch {
            throw damaged(error.description)
        }
    }

    /// - Returns: `nil` when the column is no integer.
    private func integer(_ column: Int32) -> Int64? {
        guard sqlite3_column_type(statement.sqliteStatement, column) == SQLITE_INTEGER else { return nil }
        return sqlite3_column_int64(statement.sqliteStatement, column)
    }
}
