import ByteCoding
import JobModel
import SQLite

/// The rows of the `record` table in order: the inner loop of every restart.
///
/// Trusts none of what it reads: damage in the database's own pages shows as any value of any type.
struct RecordRows {
    private let statement: Statement
    /// The database's file, for messages.
    private let path: String

    init(_ database: Connection, path: String) throws(SQLiteError) {
        self.path = path
        statement = try database.statement(
            "SELECT sequence, job, kind, body, checksum FROM record ORDER BY sequence")
    }

    /// - Returns: `nil` after the last row.
    /// - Throws: `JournalError.damagedRecord`, or an `SQLiteError`.
    func next() throws -> (record: Record, checksum: Int64)? {
        guard try statement.step() else { return nil }
        let sequence = statement.integer(at: 0) ?? 0
        let job = statement.integer(at: 1) ?? 0
        func damaged(_ reason: String) -> JournalError {
            .damagedRecord(path: path, sequence: sequence, job: JobID(UInt64(bitPattern: job)), reason: reason)
        }
        guard let kind = statement.integer(at: 2), let checksum = statement.integer(at: 4) else {
            throw damaged("its columns are not numbers")
        }
        let body = statement.bytes(at: 3)
        guard recordChecksum(sequence: sequence, job: job, kind: kind, body: body) == checksum else {
            throw damaged("its bytes are not what was written")
        }
        do throws(BinaryCodingError) {
            return (try Record(decoding: [UInt8](body)), checksum)
        } catch {
            throw damaged(error.description)
        }
    }

    /// Ends the reading, so that the database can be written again.
    func end() { statement.reset() }
}
