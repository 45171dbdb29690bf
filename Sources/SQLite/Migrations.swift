/// Named steps that bring a database's tables to those of this release.
///
/// The table of applied steps has the name and form that the library GRDB gave it, which wrote the first journals: each side
/// opens the other's.
package struct Migrations: Sendable {
    package struct Migration: Sendable {
        package let name: String
        package let apply: @Sendable (Connection) throws -> Void

        package init(name: String, apply: @escaping @Sendable (Connection) throws -> Void) {
            self.name = name
            self.apply = apply
        }
    }

    package let steps: [Migration]

    package init(steps: [Migration]) { self.steps = steps }

    /// Whether a step was applied that this release does not know.
    package func isSuperseded(in database: Connection) throws -> Bool {
        try !applied(in: database).isSubset(of: steps.map(\.name))
    }

    /// Applies the steps that are missing, each in a transaction of its own.
    package func apply(to database: Connection) throws {
        try database.execute("CREATE TABLE IF NOT EXISTS grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY)")
        let applied = try applied(in: database)
        for step in steps where !applied.contains(step.name) {
            try database.inTransaction {
                try step.apply(database)
                let statement = try database.statement("INSERT INTO grdb_migrations (identifier) VALUES (?)")
                try statement.bind(step.name, at: 1)
                try statement.run()
            }
        }
    }

    private func applied(in database: Connection) throws -> Set<String> {
        let table = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name = 'grdb_migrations'"
        guard try database.text(table) != nil else { return [] }
        let statement = try database.statement("SELECT identifier FROM grdb_migrations")
        defer { statement.reset() }
        var names: Set<String> = []
        while try statement.step() {
            if let name = statement.text(at: 0) { names.insert(name) }
        }
        return names
    }
}
