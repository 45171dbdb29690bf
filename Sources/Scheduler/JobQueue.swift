import JobModel

/// The ready tasks of one job, in order.
///
/// Images that were never started are not listed one by one: they are those from `cursor` on which are still waiting. Only
/// tasks of started images have a ticket, so a batch of a million images costs a few numbers.
struct JobQueue: Sendable {
    /// A ready task of an image before `cursor`.
    struct Ticket: Hashable, Comparable, Sendable {
        let index: UInt32
        let task: UInt32

        static func < (left: Ticket, right: Ticket) -> Bool { (left.index, left.task) < (right.index, right.task) }
    }

    let priority: Int32
    let submitter: String
    var lane: Lane
    /// Its tasks are left out for a while.
    var isSetAside = false
    var cursor: UInt32 = 0
    /// Waiting images from `cursor` on.
    var unstartedCount = 0
    var tickets = RevocableHeap<Ticket>()

    var count: Int { unstartedCount + tickets.count }
    var isActive: Bool { count > 0 && !isSetAside }
}

/// Which of a submitter's jobs a job waits behind.
enum Lane: Int, Hashable, Sendable, CaseIterable {
    /// Small jobs: somebody waits for them.
    case interactive
    case batch
}
