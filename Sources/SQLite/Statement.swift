import CLibSQLite

/// A prepared statement: bind its parameters, step through its rows, reset it.
package final class Statement {
    private let pointer: OpaquePointer?
    private let sql: String

    package init(_ sql: String, connection: OpaquePointer?) throws(SQLiteError) {
        var pointer: OpaquePointer?
        let code = sqlite3_prepare_v2(connection, sql, -1, &pointer, nil)
        guard code == SQLITE_OK else { throw SQLiteError(code, of: connection, sql: sql) }
        self.pointer = pointer
        self.sql = sql
    }

    deinit { sqlite3_finalize(pointer) }

    // MARK: - Parameters, counted from 1

    package func bind(_ value: Int64, at position: Int32) throws(SQLiteError) {
        try check(sqlite3_bind_int64(pointer, position, value))
    }

    package func bind(_ values: [Int64]) throws(SQLiteError) {
        for (index, value) in values.enumerated() { try bind(value, at: Int32(index + 1)) }
    }

    /// Binds a copy of `text`.
    package func bind(_ text: String, at position: Int32) throws(SQLiteError) {
        // SQLITE_TRANSIENT, a macro that Swift cannot import.
        let copying = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        try check(sqlite3_bind_text(pointer, position, text, -1, copying))
    }

    /// Binds `bytes`, which must stay as they are until the statement is reset.
    package func bind(_ bytes: UnsafeRawBufferPointer, at position: Int32) throws(SQLiteError) {
        try check(sqlite3_bind_blob64(pointer, position, bytes.baseAddress, UInt64(bytes.count), nil))
    }

    // MARK: - Running

    /// - Returns: whether there is one more row.
    package func step() throws(SQLiteError) -> Bool {
        let code = sqlite3_step(pointer)
        if code == SQLITE_ROW { return true }
        try check(code, expected: SQLITE_DONE)
        return false
    }

    /// Runs a statement without rows, and makes it ready for its next use.
    package func run() throws(SQLiteError) {
        defer { reset() }
        _ = try step()
    }

    /// Makes the statement ready for its next use, without parameters.
    package func reset() {
        // The error that it reports is that of the last step.
        sqlite3_reset(pointer)
        sqlite3_clear_bindings(pointer)
    }

    // MARK: - Columns of the present row, counted from 0

    /// - Returns: `nil` when the column is not an integer.
    package func integer(at column: Int32) -> Int64? {
        guard sqlite3_column_type(pointer, column) == SQLITE_INTEGER else { return nil }
        return sqlite3_column_int64(pointer, column)
    }

    package func text(at column: Int32) -> String? {
        sqlite3_column_text(pointer, column).map { String(cString: $0) }
    }

    /// The column's bytes, valid until the next step.
    package func bytes(at column: Int32) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(
            start: sqlite3_column_blob(pointer, column), count: Int(sqlite3_column_bytes(pointer, column)))
    }

    private func check(_ code: Int32, expected: Int32 = SQLITE_OK) throws(SQLiteError) {
        guard code == expected else { throw SQLiteError(code, of: sqlite3_db_handle(pointer), sql: sql) }
    }
}
