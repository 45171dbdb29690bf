import GatewayLogic
import SQLite

extension WebStore {
    package func insert(_ upload: UploadRecord) throws {
        try write { try Self.insert(upload, $0) }
    }

    static func insert(_ upload: UploadRecord, _ connection: Connection) throws {
        try connection.run(
            """
            INSERT INTO upload (id, owner, name, fingerprint, byte_count, offset, phase, touched_at)
            VALUES (?, ?, ?, ?, ?, ?, 'receiving', ?)
            """, .text(upload.id), .text(upload.owner), .text(upload.name), SQLiteValue(upload.fingerprint),
            SQLiteValue(upload.byteCount), SQLiteValue(upload.offset), SQLiteValue(upload.touchedAt))
    }

    /// Stores how far an upload is, and how it ended.
    /// - Returns: whether it is still there.
    @discardableResult
    package func update(_ upload: UploadRecord) throws -> Bool {
        let file = upload.file
        var rejection: (code: String, detail: String)?
        if case .rejected(let code, let detail) = upload.phase { rejection = (code, detail) }
        return try write { connection in
            // Uploads that complete are numbered in that order.
            let isThere =
                try connection.run(
                    """
                    UPDATE upload SET byte_count = ?, offset = ?, phase = ?, digest = ?, width = ?, height = ?, format = ?,
                        code = ?, detail = ?, touched_at = ?,
                        completed = CASE WHEN ?3 = 'complete' THEN coalesce(completed, 1 + coalesce(
                            (SELECT completed FROM upload WHERE completed IS NOT NULL ORDER BY completed DESC LIMIT 1), 0)) END
                    WHERE id = ?
                    """, SQLiteValue(upload.byteCount), SQLiteValue(upload.offset), .text(upload.phase.name),
                    SQLiteValue(file?.digest), SQLiteValue(file?.width), SQLiteValue(file?.height),
                    SQLiteValue(file?.format), SQLiteValue(rejection?.code), SQLiteValue(rejection?.detail),
                    SQLiteValue(upload.touchedAt), .text(upload.id)) > 0
            if isThere, upload.phase != .receiving { try Self.noteArrival(of: upload.id, connection) }
            return isThere
        }
    }

    package func upload(_ id: String) throws -> UploadRecord? {
        try read { try Self.upload(id, $0) }
    }

    static func upload(_ id: String, _ connection: Connection) throws -> UploadRecord? {
        try connection.rows("SELECT \(columns) FROM upload WHERE id = ?", .text(id), row: record).first
    }

    /// A person's uploads behind the one called `after`, by their ids.
    package func uploads(of owner: String, phase: String?, after: Int64, limit: Int) throws -> [(UploadRecord, Int64)] {
        try read { connection in
            try connection.rows(
                """
                SELECT \(Self.columns), rowid FROM upload
                WHERE owner = ? AND (?2 IS NULL OR phase = ?2) AND rowid > ? ORDER BY rowid LIMIT ?
                """, .text(owner), SQLiteValue(phase), .integer(after), SQLiteValue(limit)
            ) { (Self.record($0), $0.integer(at: 13) ?? 0) }
        }
    }

    package func deleteUpload(_ id: String) throws {
        try write { connection in
            try connection.run("DELETE FROM upload WHERE id = ?", .text(id))
            try Self.noteArrival(of: id, connection)
        }
    }

    /// Bytes of all uploads, and uploads that receive.
    package func uploadTotals() throws -> (byteCount: UInt64, receiving: Int) {
        try read { connection in
            try connection.rows("SELECT coalesce(sum(offset), 0), coalesce(sum(phase = 'receiving'), 0) FROM upload") {
                ($0.count(at: 0) ?? 0, Int($0.count(at: 1) ?? 0))
            }.first ?? (0, 0)
        }
    }

    /// Uploads whose time is over, the oldest first, at most 1000.
    ///
    /// - Parameters:
    ///   - idle: those that receive, or that no job has named, were last touched before it.
    ///   - kept: those that jobs have named, and that every master has that waits for them, were last touched before it.
    package func expiredUploads(idleSince idle: UInt64, keptSince kept: UInt64) throws -> [UploadRecord] {
        try read { connection in
            try connection.rows(
                """
                SELECT \(Self.columns) FROM upload
                WHERE (phase = 'receiving' OR NOT EXISTS (SELECT 1 FROM job_image WHERE job_image.upload = upload.id))
                        AND touched_at < ?1
                    OR phase <> 'receiving' AND touched_at < ?2
                        AND EXISTS (SELECT 1 FROM job_image WHERE job_image.upload = upload.id)
                        AND NOT EXISTS (SELECT 1 FROM job_image JOIN job USING (job)
                            WHERE job_image.upload = upload.id AND NOT added AND job.phase = 'open')
                ORDER BY touched_at LIMIT 1000
                """, SQLiteValue(idle), SQLiteValue(kept), row: Self.record)
        }
    }

    static let columns =
        "id, owner, name, fingerprint, byte_count, offset, phase, digest, width, height, format, code || ' ' || detail, touched_at"

    static func record(_ row: Statement) -> UploadRecord {
        let phase: UploadRecord.Phase
        switch row.text(at: 6) {
        case "complete":
            phase = .complete(
                UploadedFile(
                    digest: row.text(at: 7) ?? "", width: Int(row.count(at: 8) ?? 0),
                    height: Int(row.count(at: 9) ?? 0),
                    format: row.text(at: 10) ?? ""))
        case "rejected":
            let words = (row.text(at: 11) ?? "").split(separator: " ", maxSplits: 1)
            phase = .rejected(
                code: String(words.first ?? ""), detail: words.count > 1 ? String(words[1]) : "")
        default: phase = .receiving
        }
        return UploadRecord(
            id: row.text(at: 0) ?? "", owner: row.text(at: 1) ?? "", name: row.text(at: 2) ?? "",
            fingerprint: row.text(at: 3), byteCount: row.count(at: 4), offset: row.count(at: 5) ?? 0, phase: phase,
            touchedAt: row.count(at: 12) ?? 0)
    }
}
