import CLibSQLite

/// An error that SQLite reported.
package struct SQLiteError: Error, CustomStringConvertible {
    /// The extended result code (https://www.sqlite.org/rescode.html).
    package let code: Int32
    package let message: String
    package let sql: String?

    /// The last error of `connection`.
    package init(_ code: Int32, of connection: OpaquePointer?, sql: String? = nil) {
        self.code = code
        self.message = String(cString: connection.map { sqlite3_errmsg($0) } ?? sqlite3_errstr(code))
        self.sql = sql
    }

    /// Whether another process has locked the database.
    package var isBusy: Bool { code & 0xff == SQLITE_BUSY }

    package var description: String {
        "SQLite error \(code): \(message)" + (sql.map { " - while executing `\($0)`" } ?? "")
    }
}
