import ClientKit
import GatewayLogic
import GatewayStore
import JSONText
import NIOCore
import NIOHTTP1
import SystemCalls

extension Gateway {
    // MARK: Webhooks

    func createWebhook(_ call: Call, _ body: HTTPRequestBody) async throws -> HTTPReply {
        let (json, _) = try await Self.body(body, of: call.request)
        guard call.request.field("Idempotency-Key") == nil else {
            throw Problem(
                422, "invalid-argument",
                "a secret is shown once, so its request cannot be repeated; leave Idempotency-Key out")
        }
        let new = try NewWebhook(json, mayBeDisabled: false)
        try check(new)
        let (store, now, owner) = (store, WallClock.millisecondsSince1970, try call.known().name)
        let made = try await offCooperativePool { try store.createWebhook(new, owner: owner, now: now) }
        logger.notice("made a webhook", metadata: ["webhook": "\(made.record.id)", "owner": "\(owner)"])
        return Self.json(
            made.record.json(isOwn: true).with(["secret": .string(made.secret)]), status: 201,
            ["Location": "/api/v1/webhooks/\(made.record.id)", "ETag": made.record.tag])
    }

    /// Refuses an address that is in the target itself, and can never be sent to. Names are resolved when a message is sent.
    private func check(_ new: NewWebhook) throws(Problem) {
        let target = try WebhookTarget(parsing: new.url)
        guard let address = try? SocketAddress(ipAddress: target.host, port: target.port) else { return }
        do throws(WebhookReach.Refusal) {
            try settings.webhooks.reach.check([address.ipBytes], isEncrypted: target.isEncrypted)
        } catch {
            throw .invalid("/url", "'\(new.url.prefix(100))' is not accepted: \(error.message)")
        }
    }

    func webhooks(_ call: Call) async throws -> HTTPReply {
        let store = store
        return try await ownedList("webhooks", call) { try store.webhooks(of: $0, after: $1, limit: $2) }
    }

    func webhook(_ call: Call) async throws -> HTTPReply {
        let record = try await webhook(of: call, for: "seeing a webhook")
        let isOwn = record.owner == (try call.known().name)
        return Self.json(record.json(isOwn: isOwn), ["ETag": record.tag])
    }

    func putWebhook(_ call: Call, _ body: HTTPRequestBody) async throws -> HTTPReply {
        let record = try await webhook(of: call, for: "changing a webhook", isOwnersAlone: true)
        let new = try NewWebhook(try await Self.body(body, of: call.request).json, mayBeDisabled: true)
        try check(new)
        guard let match = call.request.field("If-Match") else {
            throw Problem(428, "precondition-required", "send 'If-Match' with the webhook's ETag to change it")
        }
        let (store, id) = (store, record.id)
        let stored = try await offCooperativePool {
            try store.putWebhook(id, new) { FieldValues.hasTag($0.tag, in: match) }
        }
        guard let stored else { throw Self.noWebhook(id) }
        guard let stored else { throw Self.otherWebhook(id) }
        hooks.sender.wake()
        return Self.json(stored.json(isOwn: true), ["ETag": stored.tag])
    }

    func deleteWebhook(_ call: Call) async throws -> HTTPReply {
        let record = try await webhook(of: call, for: "deleting a webhook")
        let (store, id, match) = (store, record.id, call.request.field("If-Match"))
        let isDeleted = try await offCooperativePool {
            try store.deleteWebhook(id) { present in match.map { FieldValues.hasTag(present.tag, in: $0) } ?? true }
        }
        guard let isDeleted else { throw Self.noWebhook(id) }
        guard isDeleted else { throw Self.otherWebhook(id) }
        return HTTPReply(204)
    }

    func rotateWebhookSecret(_ call: Call, _ body: HTTPRequestBody) async throws -> HTTPReply {
        try await Self.noBody(body)
        let record = try await webhook(of: call, for: "replacing the secret of a webhook", isOwnersAlone: true)
        let (store, now) = (store, WallClock.millisecondsSince1970)
        guard let made = try await offCooperativePool({ try store.rotateWebhookSecret(record.id, now: now) }) else {
            throw Self.noWebhook(record.id)
        }
        return Self.json(["secret": .string(made.secret), "former_secret_until": .integer(made.formerUntil)])
    }

    /// The webhook of the path, if the caller made it or, where that is enough, is an operator.
    private func webhook(
        of call: Call, for what: String, isOwnersAlone: Bool = false
    ) async throws -> WebhookRecord {
        let (store, id, caller) = (store, call.values["webhook_id"] ?? "", try call.known())
        guard let record = try await offCooperativePool({ try store.webhook(id) }) else { throw Self.noWebhook(id) }
        guard !isOwnersAlone || record.owner == caller.name else {
            throw Problem(403, "role", "\(what) is for '\(record.owner)' alone, who made it; operators can delete it")
        }
        try caller.requires(own: record.owner, for: what)
        return record
    }

    private static func noWebhook(_ id: String) -> Problem { .notFound("there is no webhook '\(id.prefix(40))'") }

    private static func otherWebhook(_ id: String) -> Problem {
        Problem(
            412, "precondition-failed", "the webhook '\(id)' is another than the request expects; read it again")
    }

    /// Refuses a job that names webhooks of others.
    func checkNotified(_ webhooks: [String], of caller: Caller) async throws {
        let store = store
        for (index, id) in webhooks.enumerated() {
            guard let record = try await offCooperativePool({ try store.webhook(id) }),
                record.owner == caller.name || caller.role >= .operator
            else { throw Problem.invalid("/notify/\(index)", "there is no webhook '\(id)'") }
        }
    }

    // MARK: Deliveries

    func testWebhook(_ call: Call, _ body: HTTPRequestBody) async throws -> HTTPReply {
        try await Self.noBody(body)
        let record = try await webhook(of: call, for: "testing a webhook")
        guard record.isEnabled else {
            throw Problem.wrongState("the webhook '\(record.id)' is disabled; enable it, then test it")
        }
        let (store, now) = (store, WallClock.millisecondsSince1970)
        let text = WebhookBody.test(of: record.id, page: hooks.page, now: now)
        guard let made = try await offCooperativePool({ try store.insertTest(of: record.id, body: text, now: now) })
        else { throw Self.noWebhook(record.id) }
        hooks.sender.wake()
        return Self.json(made.json, status: 202)
    }

    func deliveries(_ call: Call) async throws -> HTTPReply {
        let record = try await webhook(of: call, for: "seeing the deliveries of a webhook")
        let page = try PageRequest(call, cursors, list: "deliveries of \(record.id)", filters: ["state"])
        var state: DeliveryRecord.State?
        if let text = call.target.value("state"), !text.isEmpty {
            state = DeliveryRecord.State(rawValue: text)
            guard state != nil else {
                let known = DeliveryRecord.State.allCases.map(\.rawValue).joined(separator: ", ")
                throw Problem(
                    422, "invalid-argument", "there is no state '\(text.prefix(40))'; states are \(known)")
            }
        }
        let (store, wanted) = (store, state)
        let found = try await offCooperativePool {
            try store.deliveries(
                of: record.id, state: wanted, before: page.position.map { Int64(clamping: $0) }, limit: page.limit)
        }
        let next = found.count == page.limit ? found.last.map { UInt64(clamping: $0.sequence) } : nil
        return Self.list(found.map(\.json), next: next.map(page.next))
    }

    func redeliver(_ call: Call, _ body: HTTPRequestBody) async throws -> HTTPReply {
        try await Self.noBody(body)
        let (store, id, now) = (store, call.values["delivery_id"] ?? "", WallClock.millisecondsSince1970)
        let found = try await offCooperativePool {
            try store.delivery(id).flatMap { try store.webhook($0.webhook) }
        }
        guard let webhook = found else { throw Problem.notFound("there is no delivery '\(id.prefix(40))'") }
        try call.known().requires(own: webhook.owner, for: "delivering a message again")
        guard webhook.isEnabled else {
            throw Problem.wrongState("the webhook '\(webhook.id)' is disabled; enable it first")
        }
        guard let again = try await offCooperativePool({ try store.redeliver(id, now: now) }) else {
            throw Problem.notFound("there is no delivery '\(id.prefix(40))'")
        }
        hooks.sender.wake()
        return Self.json(again.json, status: 202)
    }
}

extension WebhookRecord: OwnedRecord {
    fileprivate var tag: String { "\"\(revision)\"" }

    /// - Parameter isOwn: whether the reader made it; others see only the host of its address, whose path may be a secret.
    func json(isOwn: Bool) -> JSON {
        [
            "webhook_id": .string(id), "owner": .string(owner), "url": isOwn ? .string(url) : nil,
            "host": .string((try? WebhookTarget(parsing: url))?.host ?? ""), "description": .string(description),
            "events": .array(events.map { .string($0.rawValue) }), "jobs": .string(scope.rawValue),
            "enabled": .bool(isEnabled), "disabled_because": disabledBecause.map { .string($0.rawValue) },
            "created_at": .integer(createdAt), "last_delivered_at": lastDeliveredAt.map { .integer($0) },
            "former_secret_until": formerSecretUntil.map { .integer($0) }, "waiting": .integer(waitingCount),
        ]
    }
}

extension DeliveryRecord {
    fileprivate var json: JSON {
        [
            "delivery_id": .string(id), "webhook_id": .string(webhook), "event": .string(event.rawValue),
            "job": job.map { .integer($0) }, "state": .string(state.rawValue), "attempts": .integer(attempts),
            "created_at": .integer(madeAt), "due_at": state == .waiting ? .integer(dueAt) : nil,
            "tried_at": triedAt.map { .integer($0) }, "status": status.map { .integer($0) },
            "problem": problem.map { .string($0) },
        ]
    }
}
