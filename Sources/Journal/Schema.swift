import SQLite

/// The tables of the journal, and how older ones become the present ones.
enum Schema {
    /// The name of a migration is part of the file format: never change or remove one, only add.
    static let migrations = Migrations(steps: [
        Migrations.Migration(name: "1 records and counters") { database in
            try database.execute(
                """
                CREATE TABLE record (
                    sequence INTEGER PRIMARY KEY CHECK (sequence > 0),
                    job INTEGER NOT NULL CHECK (job > 0),
                    kind INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 255),
                    body BLOB NOT NULL CHECK (length(body) > 0),
                    checksum INTEGER NOT NULL
                ) STRICT;
                CREATE INDEX record_by_job ON record (job);

                CREATE TABLE counter (
                    id INTEGER PRIMARY KEY CHECK (id = 1),
                    last_sequence INTEGER NOT NULL CHECK (last_sequence >= 0),
                    record_count INTEGER NOT NULL CHECK (record_count BETWEEN 0 AND last_sequence),
                    combined_checksum INTEGER NOT NULL,
                    highest_job INTEGER NOT NULL CHECK (highest_job >= 0),
                    highest_worker INTEGER NOT NULL CHECK (highest_worker >= 0),
                    checksum INTEGER NOT NULL
                ) STRICT;
                """)
            try insert(Counters(), into: database)
        }
    ])

    private static func insert(_ counters: Counters, into database: Connection) throws(SQLiteError) {
        let statement = try database.statement(
            """
            INSERT INTO counter
                (id, last_sequence, record_count, combined_checksum, highest_job, highest_worker, checksum)
            VALUES (1, ?, ?, ?, ?, ?, ?)
            """)
        try statement.bind(columns(of: counters))
        try statement.run()
    }

    static func update(_ counters: Counters, in database: Connection) throws(SQLiteError) {
        let statement = try database.statement(
            """
            UPDATE counter SET (last_sequence, record_count, combined_checksum, highest_job, highest_worker, checksum)
                = (?, ?, ?, ?, ?, ?) WHERE id = 1
            """)
        try statement.bind(columns(of: counters))
        try statement.run()
    }

    /// - Returns: `nil` when the row is missing or not what was written.
    static func counters(in database: Connection) throws(SQLiteError) -> Counters? {
        let statement = try database.statement(
            """
            SELECT last_sequence, record_count, combined_checksum, highest_job, highest_worker, checksum
            FROM counter WHERE id = 1
            """)
        defer { statement.reset() }
        guard try statement.step() else { return nil }
        let values = (0..<6).compactMap { statement.integer(at: $0) }
        guard values.count == 6 else { return nil }
        let counters = Counters(
            lastSequence: values[0], recordCount: values[1], combinedChecksum: values[2],
            highestJob: UInt64(bitPattern: values[3]), highestWorker: UInt64(bitPattern: values[4]))
        return counters.checksum == values[5] ? counters : nil
    }

    private static func columns(of counters: Counters) -> [Int64] {
        [
            counters.lastSequence, counters.recordCount, counters.combinedChecksum,
            Int64(bitPattern: counters.highestJob), Int64(bitPattern: counters.highestWorker), counters.checksum,
        ]
    }
}
