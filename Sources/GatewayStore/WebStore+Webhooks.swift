import Cryptography
import GatewayLogic
import SQLite

/// A webhook as it is stored.
package struct WebhookRecord: Hashable, Sendable {
    package let id: String
    /// The name of the token that made it.
    package let owner: String
    package let url: String
    package let description: String
    package let events: [WebhookEvent]
    package let scope: WebhookScope
    package let isEnabled: Bool
    /// Why the gateway has disabled it; `nil` when a person did, and while it is enabled.
    package let disabledBecause: DeliverySchedule.Reason?
    /// Changes with each change that `PUT` can make.
    package let revision: UInt64
    /// Milliseconds since 1970, as are the other times.
    package let createdAt: UInt64
    package let lastDeliveredAt: UInt64?
    /// Until then the secret before this one signs, too.
    package let formerSecretUntil: UInt64?
    package let waitingCount: Int

    /// Whether it wants to be told this of a job.
    /// - Parameter isNamed: whether the job names it.
    package func wants(_ event: WebhookEvent, of job: JobSighting, isNamed: Bool) -> Bool {
        isEnabled && events.contains(event) && (isNamed || scope.includes(submitter: job.submitter, owner: owner))
    }
}

/// The secrets that sign the messages of a webhook, the newest one first.
package struct WebhookSecrets: Hashable, Sendable {
    package let all: [[UInt8]]

    package init(all: [[UInt8]]) { self.all = all }

    /// The value of `webhook-signature`, as Standard Webhooks has it.
    package func signature(id: String, timestamp: UInt64, body: String) -> String {
        let text = Array(WebhookID.signedText(id: id, timestamp: timestamp, body: body).utf8)
        return all.map { "v1,\(Base64.text(HMACSHA256.code(over: [text], key: $0)))" }.joined(separator: " ")
    }
}

extension WebStore {
    /// Makes a webhook. The text of its secret is known only now.
    /// - Throws: `too-many-webhooks`.
    package func createWebhook(
        _ new: NewWebhook, owner: String, now: UInt64
    ) throws -> (record: WebhookRecord, secret: String) {
        let (id, secret) = (WebhookID.new(), Self.newWebhookSecret())
        return try write { connection in
            let counts = try connection.rows("SELECT count(*), sum(owner = ?) FROM webhook", .text(owner)) {
                (all: Int($0.count(at: 0) ?? 0), own: Int($0.count(at: 1) ?? 0))
            }[0]
            guard counts.own < WebhookLimits.perOwner else {
                throw Problem(
                    409, "too-many-webhooks",
                    "'\(owner)' has \(WebhookLimits.perOwner) webhooks, which is the most: delete one, or have one send more events"
                )
            }
            guard counts.all < WebhookLimits.inAll else {
                throw Problem(
                    409, "too-many-webhooks",
                    "the gateway has \(WebhookLimits.inAll) webhooks, which is the most: an operator can delete some")
            }
            try connection.run(
                """
                INSERT INTO webhook (id, owner, url, description, events, scope, enabled, revision, secret, created_at)
                VALUES (?, ?, ?, ?, ?, ?, 1, 1, ?, ?)
                """, .text(id), .text(owner), .text(new.url), .text(new.description), .text(Self.text(of: new.events)),
                .text(new.scope.rawValue), .text(HexText.text(secret)), SQLiteValue(now))
            guard let record = try Self.webhook(id, connection) else { preconditionFailure("it was just inserted") }
            return (record, WebhookID.text(ofSecret: secret))
        }
    }

    /// Webhooks behind the one at `after`, in the order in which they were made.
    /// - Parameter owner: `nil` for those of everybody.
    package func webhooks(of owner: String?, after: Int64, limit: Int) throws -> [(WebhookRecord, Int64)] {
        try read { connection in
            try connection.rows(
                """
                SELECT \(Self.webhookColumns), rowid FROM webhook
                WHERE (?1 IS NULL OR owner = ?1) AND rowid > ? ORDER BY rowid LIMIT ?
                """, SQLiteValue(owner), .integer(after), SQLiteValue(limit)
            ) { (Self.webhookRecord($0), $0.integer(at: 13) ?? 0) }
        }
    }

    package func webhook(_ id: String) throws -> WebhookRecord? { try read { try Self.webhook(id, $0) } }

    /// Whether somebody may have to be told something.
    package func hasWebhooks() throws -> Bool {
        try read { try !$0.rows("SELECT 1 FROM webhook LIMIT 1") { _ in true }.isEmpty }
    }

    /// Changes a webhook. One that is enabled again gets what still waits for it.
    ///
    /// - Parameter accepts: looks at the webhook as it is.
    /// - Returns: `nil` when there is none, `.some(nil)` when it was not accepted.
    package func putWebhook(
        _ id: String, _ new: NewWebhook, accepts: (WebhookRecord) -> Bool
    ) throws -> WebhookRecord?? {
        try write { connection in
            guard let present = try Self.webhook(id, connection) else { return nil }
            guard accepts(present) else { return .some(nil) }
            try connection.run(
                """
                UPDATE webhook SET url = ?, description = ?, events = ?, scope = ?, enabled = ?, disabled_because = NULL,
                    revision = revision + 1 WHERE id = ?
                """, .text(new.url), .text(new.description), .text(Self.text(of: new.events)),
                .text(new.scope.rawValue), SQLiteValue(new.isEnabled), .text(id))
            return try Self.webhook(id, connection)
        }
    }

    /// Deletes a webhook with its messages.
    /// - Returns: whether it was accepted; `nil` when there is none.
    package func deleteWebhook(_ id: String, accepts: (WebhookRecord) -> Bool) throws -> Bool? {
        try write { connection in
            guard let present = try Self.webhook(id, connection) else { return nil }
            guard accepts(present) else { return false }
            return try connection.run("DELETE FROM webhook WHERE id = ?", .text(id)) > 0
        }
    }

    /// Makes a new secret. The one before it signs, too, until `formerUntil`.
    /// - Returns: `nil` when there is no such webhook.
    package func rotateWebhookSecret(_ id: String, now: UInt64) throws -> (secret: String, formerUntil: UInt64)? {
        let (secret, until) = (Self.newWebhookSecret(), now + WebhookLimits.formerSecretAge)
        let count = try write { connection in
            try connection.run(
                "UPDATE webhook SET former_secret = secret, former_secret_until = ?, secret = ? WHERE id = ?",
                SQLiteValue(until), .text(HexText.text(secret)), .text(id))
        }
        return count == 0 ? nil : (WebhookID.text(ofSecret: secret), until)
    }

    private static func newWebhookSecret() -> [UInt8] {
        var random = SystemRandomNumberGenerator()
        return (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &random) }
    }

    // MARK: Rows

    private static func text(of events: [WebhookEvent]) -> String { events.map(\.rawValue).joined(separator: ",") }

    private static let webhookColumns = """
        id, owner, url, description, events, scope, enabled, disabled_because, revision, created_at, last_delivered_at,
        former_secret_until, (SELECT count(*) FROM delivery WHERE webhook = webhook.id AND state = 'waiting')
        """

    static func webhook(_ id: String, _ connection: Connection) throws -> WebhookRecord? {
        try connection.rows("SELECT \(webhookColumns) FROM webhook WHERE id = ?", .text(id), row: webhookRecord).first
    }

    static func enabledWebhooks(_ connection: Connection) throws -> [WebhookRecord] {
        try connection.rows(
            "SELECT \(webhookColumns) FROM webhook WHERE enabled ORDER BY rowid", row: webhookRecord)
    }

    private static func webhookRecord(_ row: Statement) -> WebhookRecord {
        let events = (row.text(at: 4) ?? "").split(separator: ",").compactMap { WebhookEvent(rawValue: String($0)) }
        return WebhookRecord(
            id: row.text(at: 0) ?? "", owner: row.text(at: 1) ?? "", url: row.text(at: 2) ?? "",
            description: row.text(at: 3) ?? "", events: events,
            scope: row.text(at: 5).flatMap { WebhookScope(rawValue: $0) } ?? .named, isEnabled: row.integer(at: 6) == 1,
            disabledBecause: row.text(at: 7).flatMap { DeliverySchedule.Reason(rawValue: $0) },
            revision: row.count(at: 8) ?? 0, createdAt: row.count(at: 9) ?? 0, lastDeliveredAt: row.count(at: 10),
            formerSecretUntil: row.count(at: 11), waitingCount: Int(row.count(at: 12) ?? 0))
    }
}
