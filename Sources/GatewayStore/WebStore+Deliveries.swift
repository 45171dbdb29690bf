import GatewayLogic
import SQLite

/// A message of a webhook, and what became of it.
package struct DeliveryRecord: Hashable, Sendable {
    package enum State: String, Hashable, Sendable, CaseIterable {
        case waiting, delivered, failed
    }

    package let sequence: Int64
    /// The same at all attempts, so that a receiver recognises a message that it has had.
    package let id: String
    package let webhook: String
    package let event: WebhookEvent
    package let job: UInt64?
    package let state: State
    /// Attempts that have ended.
    package let attempts: Int
    /// Milliseconds since 1970, as are the other times.
    package let madeAt: UInt64
    /// The next attempt, while it waits.
    package let dueAt: UInt64
    package let triedAt: UInt64?
    /// The status that the receiver answered last.
    package let status: Int?
    /// Why the last attempt failed, for a person.
    package let problem: String?
}

/// A message that is to be sent now.
package struct DueDelivery: Hashable, Sendable {
    package let sequence: Int64
    package let id: String
    package let webhook: String
    package let owner: String
    package let url: String
    package let body: String
    package let secrets: WebhookSecrets
    /// The number of this attempt, from 1.
    package let attempt: Int
    package let madeAt: UInt64
}

/// A message is written in the transaction of what it tells, and marked as delivered after its receiver has answered: a gateway that
/// is killed in between sends it again.
extension WebStore {
    /// Makes the message of a test.
    /// - Returns: `nil` when there is no such webhook.
    package func insertTest(of webhook: String, body: String, now: UInt64) throws -> DeliveryRecord? {
        try write { connection in
            guard try Self.webhook(webhook, connection) != nil else { return nil }
            let id = try Self.insert(.test, of: nil, body, for: webhook, now, connection)
            return try Self.delivery(id, connection)
        }
    }

    /// Sends a message again, with the id that it had, by a schedule from the beginning.
    /// - Returns: `nil` when there is no such message.
    package func redeliver(_ id: String, now: UInt64) throws -> DeliveryRecord? {
        try write { connection in
            try connection.run(
                "UPDATE delivery SET state = 'waiting', attempts = 0, due_at = ? WHERE id = ?", SQLiteValue(now),
                .text(id))
            return try Self.delivery(id, connection)
        }
    }

    package func delivery(_ id: String) throws -> DeliveryRecord? { try read { try Self.delivery(id, $0) } }

    /// Messages of a webhook before the one at `before`, the newest first.
    package func deliveries(
        of webhook: String, state: DeliveryRecord.State?, before: Int64?, limit: Int
    ) throws -> [DeliveryRecord] {
        try read { connection in
            try connection.rows(
                """
                SELECT \(Self.deliveryColumns) FROM delivery
                WHERE webhook = ? AND (?2 IS NULL OR state = ?2) AND sequence < ? ORDER BY sequence DESC LIMIT ?
                """, .text(webhook), SQLiteValue(state?.rawValue), .integer(before ?? .max), SQLiteValue(limit),
                row: Self.deliveryRecord)
        }
    }

    // MARK: Sending

    /// The oldest message of each webhook that is due, the one that has waited longest first.
    package func dueDeliveries(now: UInt64) throws -> [DueDelivery] {
        try read { connection in
            try connection.rows(
                """
                SELECT min(sequence), delivery.id, webhook, owner, url, body, attempts, made_at, secret,
                    CASE WHEN former_secret_until > ?1 THEN former_secret END
                FROM delivery JOIN webhook ON webhook.id = webhook
                WHERE state = 'waiting' AND due_at <= ?1 AND enabled GROUP BY webhook ORDER BY due_at
                """, SQLiteValue(now)
            ) { row in
                DueDelivery(
                    sequence: row.integer(at: 0) ?? 0, id: row.text(at: 1) ?? "", webhook: row.text(at: 2) ?? "",
                    owner: row.text(at: 3) ?? "", url: row.text(at: 4) ?? "", body: row.text(at: 5) ?? "",
                    secrets: WebhookSecrets(all: [8, 9].compactMap { row.text(at: $0).flatMap { HexText.bytes($0) } }),
                    attempt: Int(row.count(at: 6) ?? 0) + 1, madeAt: row.count(at: 7) ?? 0)
            }
        }
    }

    /// Stores what became of an attempt.
    ///
    /// - Parameters:
    ///   - status: what the receiver answered.
    ///   - problem: why the attempt failed.
    /// - Returns: whether the webhook was disabled by that.
    @discardableResult
    package func ended(
        _ delivery: DueDelivery, _ verdict: DeliverySchedule.Verdict, status: Int?, problem: String?, now: UInt64
    ) throws -> Bool {
        try write { connection in
            let state: DeliveryRecord.State
            var dueAt = now
            switch verdict {
            case .delivered: state = .delivered
            case .retry(let pause): (state, dueAt) = (.waiting, now + pause)
            case .giveUp: state = .failed
            }
            try connection.run(
                """
                UPDATE delivery SET state = ?, attempts = ?, due_at = ?, tried_at = ?, status = ?, problem = ?
                WHERE sequence = ? AND state = 'waiting'
                """, .text(state.rawValue), SQLiteValue(delivery.attempt), SQLiteValue(dueAt), SQLiteValue(now),
                SQLiteValue(status), SQLiteValue(problem), .integer(delivery.sequence))
            if state != .waiting { try Self.prune(delivery.webhook, connection) }
            switch verdict {
            case .delivered:
                try connection.run(
                    "UPDATE webhook SET last_delivered_at = ? WHERE id = ?", SQLiteValue(now), .text(delivery.webhook))
                return false
            case .retry: return false
            case .giveUp(let reason):
                let webhook = try Self.webhook(delivery.webhook, connection)
                guard let webhook, webhook.isEnabled,
                    reason.disables(messageOf: delivery.madeAt, lastDeliveredAt: webhook.lastDeliveredAt)
                else { return false }
                try connection.run(
                    "UPDATE webhook SET enabled = 0, disabled_because = ?, revision = revision + 1 WHERE id = ?",
                    .text(reason.rawValue), .text(webhook.id))
                return true
            }
        }
    }

    /// Forgets the oldest messages that have ended.
    private static func prune(_ webhook: String, _ connection: Connection) throws {
        try connection.run(
            """
            DELETE FROM delivery WHERE webhook = ?1 AND state <> 'waiting' AND sequence <= (
                SELECT sequence FROM delivery WHERE webhook = ?1 AND state <> 'waiting' ORDER BY sequence DESC LIMIT 1 OFFSET ?)
            """, .text(webhook), SQLiteValue(WebhookLimits.ended))
    }

    // MARK: Rows

    /// - Returns: the id of the message.
    @discardableResult
    static func insert(
        _ event: WebhookEvent, of job: UInt64?, _ body: String, for webhook: String, _ now: UInt64,
        _ connection: Connection
    ) throws -> String {
        let id = WebhookID.newMessage()
        try connection.run(
            "INSERT INTO delivery (id, webhook, event, job, body, state, made_at, due_at) VALUES (?, ?, ?, ?, ?, 'waiting', ?, ?)",
            .text(id), .text(webhook), .text(event.rawValue), SQLiteValue(job), .text(body), SQLiteValue(now),
            SQLiteValue(now))
        // A receiver that is down for days is not told of everything later.
        try connection.run(
            """
            UPDATE delivery SET state = 'failed', problem = ?
            WHERE webhook = ?2 AND state = 'waiting' AND sequence <= (
                SELECT sequence FROM delivery WHERE webhook = ?2 AND state = 'waiting' ORDER BY sequence DESC LIMIT 1 OFFSET ?)
            """, .text("it gave way to a newer message: at most \(WebhookLimits.waiting) wait"), .text(webhook),
            SQLiteValue(WebhookLimits.waiting))
        if connection.changedRowCount > 0 { try prune(webhook, connection) }
        return id
    }

    private static let deliveryColumns =
        "sequence, id, webhook, event, job, state, attempts, made_at, due_at, tried_at, status, problem"

    private static func delivery(_ id: String, _ connection: Connection) throws -> DeliveryRecord? {
        try connection.rows(
            "SELECT \(deliveryColumns) FROM delivery WHERE id = ?", .text(id), row: deliveryRecord
        ).first
    }

    private static func deliveryRecord(_ row: Statement) -> DeliveryRecord {
        DeliveryRecord(
            sequence: row.integer(at: 0) ?? 0, id: row.text(at: 1) ?? "", webhook: row.text(at: 2) ?? "",
            event: row.text(at: 3).flatMap { WebhookEvent(rawValue: $0) } ?? .test, job: row.count(at: 4),
            state: row.text(at: 5).flatMap { DeliveryRecord.State(rawValue: $0) } ?? .failed,
            attempts: Int(row.count(at: 6) ?? 0), madeAt: row.count(at: 7) ?? 0, dueAt: row.count(at: 8) ?? 0,
            triedAt: row.count(at: 9), status: row.count(at: 10).map { Int(clamping: $0) }, problem: row.text(at: 11))
    }
}
