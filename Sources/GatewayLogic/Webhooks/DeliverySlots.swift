/// Which messages are sent at a time. Performs no I/O.
///
/// A webhook has one attempt under way, so that a slow receiver delays its own messages only; an owner has a few, so that one
/// person's slow receivers do not take all places.
package struct DeliverySlots: Sendable {
    private let limit: Int
    private let limitOfOwner: Int
    /// The webhooks whose attempts are under way, with their owners.
    private var underWay: [String: String] = [:]

    package init(limit: Int = WebhookLimits.concurrent, limitOfOwner: Int = WebhookLimits.concurrentOfOwner) {
        self.limit = limit
        self.limitOfOwner = limitOfOwner
    }

    /// Webhooks whose attempts are under way.
    package var busy: Set<String> { Set(underWay.keys) }

    /// - Returns: whether an attempt for the webhook may begin; `ended` gives its place back.
    package mutating func begin(_ webhook: String, of owner: String) -> Bool {
        guard underWay[webhook] == nil, underWay.count < limit,
            underWay.values.count(where: { $0 == owner }) < limitOfOwner
        else { return false }
        underWay[webhook] = owner
        return true
    }

    package mutating func ended(_ webhook: String) { underWay[webhook] = nil }
}
