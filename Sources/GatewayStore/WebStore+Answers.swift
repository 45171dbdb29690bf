import GatewayLogic
import SQLite

/// The answer to a request that may be repeated.
package struct StoredAnswer: Hashable, Sendable {
    /// The digest of the request.
    package let request: String
    package let status: Int
    package let location: String?
    package let body: String

    package init(request: String, status: Int, location: String?, body: String) {
        self.request = request
        self.status = status
        self.location = location
        self.body = body
    }
}

/// A named pipeline.
package struct PresetRecord: Hashable, Sendable {
    package let name: String
    package let pipeline: String
    /// Counts its changes.
    package let revision: UInt64
}

extension WebStore {
    /// Answers are kept that long, in milliseconds.
    package static let answerAge: UInt64 = 24 * 3_600_000

    package func answer(to key: String, of owner: String) throws -> StoredAnswer? {
        try read { connection in
            try connection.rows(
                "SELECT request, status, location, body FROM answer WHERE owner = ? AND key = ?", .text(owner),
                .text(key)
            ) { row in
                StoredAnswer(
                    request: row.text(at: 0) ?? "", status: Int(row.integer(at: 1) ?? 0), location: row.text(at: 2),
                    body: row.text(at: 3) ?? "")
            }.first
        }
    }

    package func store(_ answer: StoredAnswer, to key: String, of owner: String, now: UInt64) throws {
        try write { connection in
            let oldest = now > Self.answerAge ? now - Self.answerAge : 0
            try connection.run("DELETE FROM answer WHERE made_at < ?", SQLiteValue(oldest))
            try connection.run(
                """
                INSERT OR REPLACE INTO answer (owner, key, request, status, location, body, made_at)
                VALUES (?, ?, ?, ?, ?, ?, ?)
                """, .text(owner), .text(key), .text(answer.request), SQLiteValue(answer.status),
                SQLiteValue(answer.location), .text(answer.body), SQLiteValue(now))
        }
    }

    // MARK: Presets

    package func presets() throws -> [PresetRecord] {
        try read { try $0.rows("SELECT name, pipeline, revision FROM preset ORDER BY name", row: Self.preset) }
    }

    /// Stores a preset if `condition` holds for the present one.
    /// - Returns: the preset as it is now, and whether it is new; `nil` when the condition does not hold.
    package func putPreset(
        _ name: String, pipeline: String, if condition: (PresetRecord?) -> Bool
    ) throws -> (preset: PresetRecord, isNew: Bool)? {
        try write { connection in
            let present = try Self.preset(name, connection)
            guard condition(present) else { return nil }
            let revision = (present?.revision ?? 0) + 1
            try connection.run(
                "INSERT OR REPLACE INTO preset (name, pipeline, revision) VALUES (?, ?, ?)", .text(name),
                .text(pipeline), SQLiteValue(revision))
            return (PresetRecord(name: name, pipeline: pipeline, revision: revision), present == nil)
        }
    }

    /// - Returns: `nil` when there is none, else whether the condition held and it is gone.
    package func deletePreset(_ name: String, if condition: (PresetRecord) -> Bool) throws -> Bool? {
        try write { connection in
            guard let present = try Self.preset(name, connection) else { return nil }
            guard condition(present) else { return false }
            try connection.run("DELETE FROM preset WHERE name = ?", .text(name))
            return true
        }
    }

    private static func preset(_ name: String, _ connection: Connection) throws -> PresetRecord? {
        try connection.rows("SELECT name, pipeline, revision FROM preset WHERE name = ?", .text(name), row: preset)
            .first
    }

    private static func preset(_ row: Statement) -> PresetRecord {
        PresetRecord(name: row.text(at: 0) ?? "", pipeline: row.text(at: 1) ?? "", revision: row.count(at: 2) ?? 0)
    }
}
