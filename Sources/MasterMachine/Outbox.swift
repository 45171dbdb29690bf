import JobModel
import SeededFaults
import Scheduler

/// Keeps what was decided, and what is to be said about it, until it is durable: decide, commit, send.
///
/// ```
///  events --> decision, replies --take--> Turn: records --commit--> committed --> replies, then actions
/// ```
/// Events that arrive while a turn is being committed gather for the next one.
public struct Outbox<Reply> {
    /// What the scheduler's events append to.
    public var decision = Decision()
    private var replies: [Reply] = []

    public init() {}

    public var isEmpty: Bool { decision.isEmpty && replies.isEmpty }

    /// Keeps the reply until all that was decided so far is durable.
    public mutating func reply(_ reply: Reply) { replies.append(reply) }

    /// Nobody is told what may not be durable.
    public mutating func dropReplies() { replies.removeAll() }

    /// Takes all that has gathered; `nil` when there is nothing to do.
    public mutating func take() -> Turn<Reply>? {
        guard !isEmpty else { return nil }
        defer {
            decision = Decision()
            replies.removeAll(keepingCapacity: true)
        }
        return Turn(records: decision.records, replies: replies, actions: decision.actions)
    }
}

/// One transaction, and what follows from it.
public struct Turn<Reply> {
    /// To be made durable in one transaction; empty when nothing that lasts was decided.
    public let records: [Record]
    private let replies: [Reply]
    private let actions: [Action]

    init(records: [Record], replies: [Reply], actions: [Action]) {
        self.records = records
        self.replies = replies
        self.actions = actions
    }

    /// What may be done while the records are not durable yet: nothing.
    public var beforeCommit: (replies: [Reply], actions: [Action]) {
        if seeded(.acknowledgeBeforeCommit) { return (replies, actions) }
        if seeded(.grantBeforeCommit) { return ([], actions.filter(\.isGrant)) }
        return ([], [])
    }

    /// The records are durable: those who asked are answered, then the actions are performed, in their order.
    public var afterCommit: (replies: [Reply], actions: [Action]) {
        if seeded(.acknowledgeBeforeCommit) { return ([], []) }
        if seeded(.grantBeforeCommit) { return (replies, actions.filter { !$0.isGrant }) }
        return (replies, actions)
    }
}

extension Action {
    fileprivate var isGrant: Bool {
        if case .grant = self { true } else { false }
    }
}
