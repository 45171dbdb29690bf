import GatewayLogic
import SQLite

/// What webhooks have been told of the master's jobs.
extension WebStore {
    package func jobWatch() throws -> JobWatch {
        try read { connection in
            let position = try connection.rows("SELECT position FROM job_watch") { $0.count(at: 0) ?? 0 }.first
            let open = try connection.rows("SELECT job, images_failed FROM watched_job") {
                ($0.count(at: 0) ?? 0, Int($0.count(at: 1) ?? 0))
            }
            return JobWatch(position: position, open: Dictionary(uniqueKeysWithValues: open))
        }
    }

    /// When the oldest webhook was made, in milliseconds since 1970; `nil` when there is none.
    package func firstWebhookTime() throws -> UInt64? {
        try read { try $0.rows("SELECT min(created_at) FROM webhook") { $0.count(at: 0) }.first ?? nil }
    }

    /// Stores what was seen of the jobs, and the messages of its events, in one transaction: an event is told because the position is
    /// behind it, and the position passes it with its messages.
    ///
    /// - Parameters:
    ///   - old: what is stored.
    ///   - body: the body of an event's message.
    /// - Returns: the number of messages that were made.
    package func advance(
        from old: JobWatch, to new: JobWatch, _ events: [JobWatch.Event], now: UInt64, body: (JobWatch.Event) -> String
    ) throws -> Int {
        guard old != new || !events.isEmpty else { return 0 }
        return try write { connection in
            try connection.run("DELETE FROM job_watch")
            if let position = new.position {
                try connection.run("INSERT INTO job_watch (position) VALUES (?)", SQLiteValue(position))
            }
            for job in old.open.keys where new.open[job] == nil {
                try connection.run("DELETE FROM watched_job WHERE job = ?", SQLiteValue(job))
            }
            for (job, failed) in new.open where old.open[job] != failed {
                try connection.run(
                    "INSERT OR REPLACE INTO watched_job (job, images_failed) VALUES (?, ?)", SQLiteValue(job),
                    SQLiteValue(failed))
            }
            return try Self.tell(events, now, body, connection)
        }
    }

    private static func tell(
        _ events: [JobWatch.Event], _ now: UInt64, _ body: (JobWatch.Event) -> String, _ connection: Connection
    ) throws -> Int {
        let webhooks = events.isEmpty ? [] : try enabledWebhooks(connection)
        var count = 0
        for event in events {
            let named = Set(
                try connection.rows("SELECT webhook FROM job_notify WHERE job = ?", SQLiteValue(event.sighting.job)) {
                    $0.text(at: 0) ?? ""
                })
            let wanted = webhooks.filter {
                $0.wants(event.event, of: event.sighting, isNamed: named.contains($0.id))
            }
            guard !wanted.isEmpty else { continue }
            let text = body(event)
            for webhook in wanted {
                try insert(event.event, of: event.sighting.job, text, for: webhook.id, now, connection)
                count += 1
            }
        }
        return count
    }

    /// Has webhooks told of a job, whatever jobs they ask for.
    static func insertNotifications(_ webhooks: [String], of job: UInt64, _ connection: Connection) throws {
        for webhook in webhooks {
            // One that was deleted a moment ago is told nothing.
            try connection.run(
                "INSERT INTO job_notify (job, webhook) SELECT ?, id FROM webhook WHERE id = ?", SQLiteValue(job),
                .text(webhook))
        }
    }
}
