import Checksums
import JobModel
import SQLite

/// The table with the journal's generation: one row, written when the journal is made and when it is restored.
///
/// It is not a migration: a release that does not know the table leaves it as it is, so that the release can be taken back.
enum GenerationTable {
    /// Makes the table, with a lineage of its own, if there is none.
    static func make(in database: Connection) throws {
        guard try database.text("SELECT name FROM sqlite_schema WHERE name = 'generation'") == nil else { return }
        var generator = SystemRandomNumberGenerator()
        let first = Generation(of: Lineage(using: &generator), number: 0)
        try database.inTransaction {
            try database.execute(
                """
                CREATE TABLE generation (
                    id INTEGER PRIMARY KEY CHECK (id = 1),
                    number INTEGER NOT NULL CHECK (number >= 0),
                    lineage TEXT NOT NULL,
                    checksum INTEGER NOT NULL
                ) STRICT
                """)
            try write(first, to: database)
        }
    }

    static func write(_ generation: Generation, to database: Connection) throws {
        try database.run(
            "INSERT OR REPLACE INTO generation (id, number, lineage, checksum) VALUES (1, ?, ?, ?)",
            .integer(Int64(clamping: generation.number)), .text(generation.lineage.description),
            .integer(checksum(of: generation)))
    }

    /// - Returns: `nil` when the row is missing or not what was written.
    static func read(from database: Connection) throws -> Generation? {
        let rows = try database.rows("SELECT number, lineage, checksum FROM generation WHERE id = 1") { row in
            (number: row.integer(at: 0), lineage: row.text(at: 1), checksum: row.integer(at: 2))
        }
        guard let row = rows.first, let number = row.number.flatMap({ UInt64(exactly: $0) }),
            let lineage = row.lineage.flatMap({ Lineage(hex: $0) })
        else { return nil }
        let generation = Generation(of: lineage, number: number)
        return checksum(of: generation) == row.checksum ? generation : nil
    }

    private static func checksum(of generation: Generation) -> Int64 {
        var checksum = CRC64()
        checksum.update(generation.number)
        for byte in generation.lineage.bytes { checksum.update(UInt64(byte)) }
        return Int64(bitPattern: checksum.value)
    }
}
