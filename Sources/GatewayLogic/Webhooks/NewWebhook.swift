import JSONText

/// Whose jobs a webhook is told of, besides those that name it.
package enum WebhookScope: String, Hashable, Sendable, CaseIterable {
    /// Jobs of the webhook's owner.
    case own
    case all
    /// Only jobs that name it.
    case named

    package func includes(submitter: String, owner: String) -> Bool {
        switch self {
        case .own: submitter == owner
        case .all: true
        case .named: false
        }
    }
}

/// The body of `POST /webhooks` and of `PUT /webhooks/{webhook_id}`.
package struct NewWebhook: Hashable, Sendable {
    package let url: String
    package let description: String
    package let events: [WebhookEvent]
    package let scope: WebhookScope
    /// For `PUT` only; true where it is left out.
    package let isEnabled: Bool

    package init(
        url: String, description: String = "", events: [WebhookEvent], scope: WebhookScope, isEnabled: Bool = true
    ) {
        self.url = url
        self.description = description
        self.events = events
        self.scope = scope
        self.isEnabled = isEnabled
    }

    package init(_ body: JSON, mayBeDisabled: Bool) throws(Problem) {
        var reader = try ObjectReader(body)
        url = try reader.requiredText("url", upTo: WebhookTarget.limit)
        _ = try WebhookTarget(parsing: url)
        description = try reader.text("description", upTo: 200, allowsEmpty: true) ?? ""
        events = try Self.events(&reader)
        scope = try Self.scope(try reader.text("jobs"))
        isEnabled = mayBeDisabled && reader.has("enabled") ? try reader.flag("enabled") : true
        try reader.finish()
    }

    private static func events(_ reader: inout ObjectReader) throws(Problem) -> [WebhookEvent] {
        guard let elements = try reader.elements("events", upTo: 10) else { return [.jobFinished] }
        var events: [WebhookEvent] = []
        for (value, pointer) in elements {
            guard case .string(let text) = value, let event = WebhookEvent(rawValue: text),
                WebhookEvent.chosen.contains(event)
            else {
                let known = WebhookEvent.chosen.map(\.rawValue).joined(separator: ", ")
                throw .invalid(pointer, "\(pointer) is not an event; events are \(known)")
            }
            if !events.contains(event) { events.append(event) }
        }
        guard !events.isEmpty else { throw .invalid("/events", "events has no element; name at least one") }
        return events
    }

    private static func scope(_ text: String?) throws(Problem) -> WebhookScope {
        guard let text else { return .own }
        guard let scope = WebhookScope(rawValue: text) else {
            throw .invalid("/jobs", "jobs is '\(text.prefix(40))'; it is 'own', 'all' or 'named'")
        }
        return scope
    }

    /// The member `notify` of a new job: ids of webhooks.
    package static func named(_ reader: inout ObjectReader) throws(Problem) -> [String] {
        var ids: [String] = []
        for (value, pointer) in try reader.elements("notify", upTo: WebhookLimits.perJob) ?? [] {
            guard case .string(let text) = value, WebhookID.isID(text) else {
                throw .invalid(pointer, "\(pointer) is not the id of a webhook, such as those of GET /webhooks")
            }
            if !ids.contains(text) { ids.append(text) }
        }
        return ids
    }
}
