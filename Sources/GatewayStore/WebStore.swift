import GatewayLogic
import SQLite
import SystemCalls

/// What the gateway knows besides the bytes of uploads: tokens, sessions, links, uploads, the jobs that it feeds, answers to
/// repeat, webhooks and their messages.
///
/// Each change is one transaction, durable when the function returns, where nothing else is said. Readers have a connection of
/// their own, and never wait for a change that waits for the disk. The functions block: call them off the cooperative threads.
/// Deleting the file loses no job: the master has those.
package final class WebStore: Sendable {
    private let writer: Database
    private let reader: Database
    let knownCallers: KnownCallers
    package let path: String

    /// Opens the database at `path`, or makes it.
    /// - Throws: `StoreError`.
    package init(path: String) throws {
        self.path = path
        do {
            writer = try Database(path: path)
            try writer.withConnection { connection in
                for setting in Self.settings { try connection.execute("PRAGMA \(setting)") }
                guard try !Self.migrations.isSuperseded(in: connection) else {
                    throw StoreError(path: path, reason: "a newer release has written it; install that one")
                }
                try Self.migrations.apply(to: connection)
            }
            reader = try Database(path: path)
            try reader.withConnection { connection in
                for setting in Self.readerSettings { try connection.execute("PRAGMA \(setting)") }
            }
            knownCallers = try KnownCallers(path: path)
        } catch let error as SQLiteError {
            throw StoreError(path: path, reason: "\(error)")
        }
    }

    package func close() throws {
        try knownCallers.close()
        // The last to close makes the log a part of the database.
        try reader.close()
        try writer.close()
    }

    private static let settings = [
        // `tessera-web token` and `tessera-web link` write while the daemon runs.
        "busy_timeout = 5000", "foreign_keys = ON", "journal_mode = WAL", "synchronous = FULL",
        "journal_size_limit = 16777216",
    ]

    private static let readerSettings = ["busy_timeout = 5000", "query_only = ON"]

    /// Runs `body` over one state of the database: the changes that were committed before.
    func read<Result>(_ body: (Connection) throws -> Result) throws -> Result {
        try reader.withConnection { connection in try connection.inSnapshot { try body(connection) } }
    }

    @discardableResult
    func write<Result>(_ body: (Connection) throws -> Result) throws -> Result {
        try writer.withConnection { connection in try connection.inTransaction { try body(connection) } }
    }

    /// Makes a change that a loss of power may undo, and that does no harm when it is made again. It is durable with the next
    /// one of `write`, and survives the end of the process.
    func writeWithoutWaiting<Result>(_ body: (Connection) throws -> Result) throws -> Result {
        try writer.withConnection { connection in
            try connection.execute("PRAGMA synchronous = NORMAL")
            defer {
                do {
                    try connection.execute("PRAGMA synchronous = FULL")
                } catch {
                    // Later changes would be told as durable, and not be.
                    preconditionFailure("\(path) does not take a setting: \(error)")
                }
            }
            return try connection.inTransaction { try body(connection) }
        }
    }

    /// The name of a migration is part of the file format: never change or remove one, only add.
    private static let migrations = Migrations(steps: [
        Migrations.Migration(name: "1 tokens, uploads and jobs") { connection in
            try connection.execute(
                """
                CREATE TABLE token (
                    id TEXT PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, digest TEXT NOT NULL,
                    created_at INTEGER NOT NULL, expires_at INTEGER, last_used_at INTEGER
                ) STRICT;
                CREATE TABLE session (
                    id TEXT PRIMARY KEY, token TEXT NOT NULL REFERENCES token ON DELETE CASCADE, digest TEXT NOT NULL,
                    used_at INTEGER NOT NULL
                ) STRICT;
                CREATE INDEX session_by_token ON session (token);
                CREATE TABLE upload (
                    id TEXT PRIMARY KEY, owner TEXT NOT NULL, name TEXT NOT NULL, fingerprint TEXT,
                    byte_count INTEGER CHECK (byte_count >= 0), offset INTEGER NOT NULL CHECK (offset >= 0),
                    phase TEXT NOT NULL CHECK (phase IN ('receiving', 'complete', 'rejected')),
                    digest TEXT, width INTEGER, height INTEGER, format TEXT, code TEXT, detail TEXT,
                    touched_at INTEGER NOT NULL, completed INTEGER,
                    CHECK ((phase = 'complete') = (digest IS NOT NULL)), CHECK ((phase = 'rejected') = (code IS NOT NULL))
                ) STRICT;
                CREATE INDEX upload_by_owner ON upload (owner, id);
                CREATE TABLE job (
                    job INTEGER PRIMARY KEY CHECK (job > 0), owner TEXT NOT NULL, seals INTEGER NOT NULL,
                    phase TEXT NOT NULL CHECK (phase IN ('open', 'sealed', 'ended'))
                ) STRICT;
                CREATE TABLE job_image (
                    job INTEGER NOT NULL REFERENCES job ON DELETE CASCADE, ordinal INTEGER NOT NULL, name TEXT NOT NULL,
                    upload TEXT NOT NULL, position INTEGER, added INTEGER NOT NULL DEFAULT 0,
                    PRIMARY KEY (job, ordinal), UNIQUE (job, position)
                ) STRICT;
                CREATE INDEX job_image_by_upload ON job_image (upload);
                CREATE TABLE answer (
                    owner TEXT NOT NULL, key TEXT NOT NULL, request TEXT NOT NULL, status INTEGER NOT NULL,
                    location TEXT, body TEXT NOT NULL, made_at INTEGER NOT NULL, PRIMARY KEY (owner, key)
                ) STRICT;
                CREATE INDEX answer_by_time ON answer (made_at);
                CREATE TABLE preset (name TEXT PRIMARY KEY, pipeline TEXT NOT NULL, revision INTEGER NOT NULL) STRICT;
                CREATE TABLE secret (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
                """)
        },
        Migrations.Migration(name: "2 codes of links to sign in") { connection in
            try connection.execute(
                "CREATE TABLE sign_in_code (digest TEXT PRIMARY KEY, expires_at INTEGER NOT NULL) STRICT")
        },
        Migrations.Migration(name: "3 presigned links") { connection in
            try connection.execute(
                """
                CREATE TABLE link_key (id TEXT PRIMARY KEY, secret TEXT NOT NULL, made_at INTEGER NOT NULL) STRICT;
                CREATE TABLE link (
                    id TEXT PRIMARY KEY, owner TEXT NOT NULL, path TEXT NOT NULL, is_prefix INTEGER NOT NULL,
                    key TEXT NOT NULL REFERENCES link_key ON DELETE CASCADE, created_at INTEGER NOT NULL,
                    expires_at INTEGER NOT NULL, last_used_at INTEGER
                ) STRICT;
                CREATE INDEX link_by_owner ON link (owner);
                CREATE INDEX link_by_key ON link (key);
                """)
        },
        Migrations.Migration(name: "4 webhooks") { connection in
            try connection.execute(
                """
                CREATE TABLE webhook (
                    id TEXT PRIMARY KEY, owner TEXT NOT NULL, url TEXT NOT NULL, description TEXT NOT NULL,
                    events TEXT NOT NULL, scope TEXT NOT NULL CHECK (scope IN ('own', 'all', 'named')),
                    enabled INTEGER NOT NULL, disabled_because TEXT, revision INTEGER NOT NULL, secret TEXT NOT NULL,
                    former_secret TEXT, former_secret_until INTEGER, created_at INTEGER NOT NULL,
                    last_delivered_at INTEGER
                ) STRICT;
                CREATE INDEX webhook_by_owner ON webhook (owner);
                CREATE TABLE delivery (
                    sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
                    webhook TEXT NOT NULL REFERENCES webhook ON DELETE CASCADE, event TEXT NOT NULL, job INTEGER,
                    body TEXT NOT NULL, state TEXT NOT NULL CHECK (state IN ('waiting', 'delivered', 'failed')),
                    attempts INTEGER NOT NULL DEFAULT 0, made_at INTEGER NOT NULL, due_at INTEGER NOT NULL,
                    tried_at INTEGER, status INTEGER, problem TEXT
                ) STRICT;
                CREATE INDEX delivery_by_webhook ON delivery (webhook, state, sequence);
                CREATE INDEX delivery_by_time ON delivery (due_at) WHERE state = 'waiting';
                CREATE TABLE job_watch (position INTEGER NOT NULL) STRICT;
                CREATE TABLE watched_job (job INTEGER PRIMARY KEY, images_failed INTEGER NOT NULL) STRICT;
                CREATE TABLE job_notify (
                    job INTEGER NOT NULL REFERENCES job ON DELETE CASCADE,
                    webhook TEXT NOT NULL REFERENCES webhook ON DELETE CASCADE, PRIMARY KEY (job, webhook)
                ) STRICT;
                CREATE INDEX job_notify_by_webhook ON job_notify (webhook);
                """)
        },
        Migrations.Migration(name: "5 arrivals of images") { connection in
            try connection.execute(
                """
                ALTER TABLE job_image ADD COLUMN arrival INTEGER;
                UPDATE job_image SET arrival = CASE
                    WHEN NOT EXISTS (SELECT 1 FROM upload WHERE id = job_image.upload) THEN 0
                    ELSE (SELECT CASE phase WHEN 'complete' THEN completed WHEN 'rejected' THEN 0 END
                        FROM upload WHERE id = job_image.upload) END;
                CREATE INDEX upload_by_completion ON upload (completed) WHERE completed IS NOT NULL;
                CREATE INDEX job_image_awaited ON job_image (job) WHERE arrival IS NULL AND position IS NULL;
                CREATE INDEX job_image_arrived ON job_image (job, arrival, ordinal) WHERE arrival > 0 AND position IS NULL;
                CREATE INDEX job_image_placed ON job_image (job, position) WHERE position IS NOT NULL AND added = 0;
                """)
        },
        Migrations.Migration(name: "6 tokens of sign-ins") { connection in
            try connection.execute("ALTER TABLE token ADD COLUMN is_sign_in INTEGER NOT NULL DEFAULT 0")
        },
    ])
}

/// The state cannot be used.
package struct StoreError: Error, CustomStringConvertible {
    package let path: String
    package let reason: String

    package var description: String { "\(path): \(reason)" }
}

extension WebStore {
    /// The key that cursors are signed with, made at the first start.
    package func cursorKey() throws -> [UInt8] {
        try write { connection in
            let name = SQLiteValue.text("cursor key")
            let present = try connection.rows("SELECT value FROM secret WHERE name = ?", name) { $0.text(at: 0) ?? "" }
            if let text = present.first, let key = HexText.bytes(text), key.count == 32 { return key }
            var random = SystemRandomNumberGenerator()
            let key = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &random) }
            try connection.run(
                "INSERT OR REPLACE INTO secret (name, value) VALUES (?, ?)", name, .text(HexText.text(key)))
            return key
        }
    }
}
