import JobModel
import SQLite

/// A journal's database as a file that nobody writes, such as a copy: it is read, and nothing is made beside it.
public struct JournalFile: Sendable {
    public let path: String
    public let generation: Generation
    private let database: Database
    private let counters: Counters

    public init(path: String) throws(JournalError) {
        self.path = path
        do {
            database = try Database(unchanging: path)
            (counters, generation) = try database.withConnection { [path] database in
                guard try !Schema.migrations.isSuperseded(in: database) else {
                    throw JournalError.newerSchema(path: path)
                }
                return try Journal.read(database, path: path)
            }
        } catch let error as JournalError {
            throw error
        } catch {
            throw .databaseUnusable(path: path, reason: "\(error)")
        }
    }

    /// The sequence of the last transaction.
    public var sequence: Int64 { counters.lastSequence }

    public var recordCount: Int { Int(counters.recordCount) }

    /// Passes every record to `body`; see `Journal.replay`.
    public func replay(_ body: (Record) throws -> Void) throws {
        try Journal.replay(database, at: path, counters, body)
    }
}
