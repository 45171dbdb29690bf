import Synchronization

/// An open SQLite database, which any thread may use, one at a time.
package final class Database: Sendable {
    private let connection: Mutex<Connection?>

    package init(path: String) throws(SQLiteError) {
        connection = Mutex(try Connection(path: path))
    }

    /// Opens a file that nobody writes, for reading.
    package init(unchanging path: String) throws(SQLiteError) {
        connection = Mutex(try Connection(unchanging: path))
    }

    /// Runs `body` with the connection, which no other thread has then.
    ///
    /// - Throws: `DatabaseClosed`, or what `body` throws.
    package func withConnection<Result>(_ body: (Connection) throws -> Result) throws -> Result {
        try connection.withLock { connection in
            guard let connection else { throw DatabaseClosed() }
            return try body(connection)
        }
    }

    /// Closes the database; in write-ahead mode the log becomes part of it.
    package func close() throws(SQLiteError) {
        try connection.withLock { connection throws(SQLiteError) in
            try connection?.close()
            connection = nil
        }
    }
}

/// The database was closed before it was asked.
package struct DatabaseClosed: Error {}
