import JobModel
import Scheduler

/// Keeps what was decided, and what is to be said about it, until it is durable.
struct Outbox<Reply> {
    /// What the scheduler's events append to.
    var decision = Decision()
    private var replies: [Reply] = []

    var isEmpty: Bool { decision.isEmpty && replies.isEmpty }

    /// Keeps the reply until everything that was decided so far is durable.
    mutating func reply(_ reply: Reply) { replies.append(reply) }

    mutating func dropReplies() { replies.removeAll() }

    mutating func take(_ ownActions: [OwnAction]) -> Turn<Reply> {
        defer {
            decision = Decision()
            replies.removeAll(keepingCapacity: true)
        }
        return Turn(
            records: decision.records, replies: replies, actions: decision.actions, ownActions: ownActions)
    }
}

/// One transaction, and what follows from it.
public struct Turn<Reply> {
    /// To be made durable in one transaction; empty when nothing durable was decided.
    public let records: [Record]
    /// To be given first when the records are durable.
    public let replies: [Reply]
    /// What the scheduler decided; `Master.committed` says what the shell does about it.
    public let actions: [Action]
    let ownActions: [OwnAction]
}
