/// A value of a column or a parameter.
package enum SQLiteValue: Sendable, Hashable {
    case null
    case integer(Int64)
    case text(String)

    package init(_ text: String?) { self = text.map { .text($0) } ?? .null }
    package init(_ number: UInt64?) { self = number.map { .integer(Int64(clamping: $0)) } ?? .null }
    package init(_ number: Int?) { self = number.map { .integer(Int64($0)) } ?? .null }
    package init(_ flag: Bool) { self = .integer(flag ? 1 : 0) }
}

extension Connection {
    /// Runs one statement and passes over its rows.
    /// - Returns: the number of rows that it changed.
    @discardableResult
    package func run(_ sql: String, _ values: SQLiteValue...) throws(SQLiteError) -> Int {
        let statement = try statement(sql)
        try statement.bind(values)
        try statement.run()
        return changedRowCount
    }

    /// The rows of one statement, each made into a value by `row`, which may only read columns.
    package func rows<Row>(
        _ sql: String, _ values: SQLiteValue..., row: (Statement) -> Row
    ) throws(SQLiteError) -> [Row] {
        let statement = try statement(sql)
        try statement.bind(values)
        defer { statement.reset() }
        var rows: [Row] = []
        while try statement.step() { rows.append(row(statement)) }
        return rows
    }
}

extension Statement {
    package func bind(_ values: [SQLiteValue]) throws(SQLiteError) {
        for (index, value) in values.enumerated() {
            switch value {
            // A parameter that is not bound is null.
            case .null: continue
            case .integer(let number): try bind(number, at: Int32(index + 1))
            case .text(let text): try bind(text, at: Int32(index + 1))
            }
        }
    }
}
