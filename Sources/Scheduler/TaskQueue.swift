import JobModel
import PlantedBugs

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
    var cursor: UInt32 = 0
    /// Waiting images from `cursor` on.
    var unstartedCount = 0
    var tickets = RevocableHeap<Ticket>()

    var count: Int { unstartedCount + tickets.count }
}

/// All ready tasks, in the order in which they are handed out.
///
/// Priority first. Within a priority the submitters share by the pixels that were handed out to them: each has a virtual
/// time that advances by its pixels, and the one that is furthest behind is next. A submitter that comes back after it had
/// nothing to do does not bring old credit along: it starts at the virtual time of whoever was served last (start-time fair
/// queueing: Goyal, Vin and Cheng, 1996). Within a submitter the jobs, within a job the images, within an image the tasks
/// come in order.
struct TaskQueue: Sendable {
    private struct Turn: Hashable, Comparable, Sendable {
        let virtualTime: UInt64
        let submitter: String

        static func < (left: Turn, right: Turn) -> Bool {
            (left.virtualTime, left.submitter) < (right.virtualTime, right.submitter)
        }
    }

    private struct Share: Sendable {
        var virtualTime: UInt64
        /// Jobs that have ready tasks.
        var jobs = RevocableHeap<JobID>()
    }

    private struct Level: Sendable {
        var shares: [String: Share] = [:]
        /// Submitters that have ready tasks.
        var turns = RevocableHeap<Turn>()
        /// Where a newcomer starts: the virtual time of the submitter that was served last.
        var virtualTime: UInt64 = 0
        /// The greatest virtual time of any submitter: where all start again once nothing is ready.
        var latestVirtualTime: UInt64 = 0
        /// So many shares are swept for those that are idle and owe nothing.
        var sweepCount = 1_024

        mutating func sweep() {
            guard shares.count >= sweepCount else { return }
            shares = shares.filter { !$0.value.jobs.isEmpty || $0.value.virtualTime > virtualTime }
            sweepCount = max(1_024, 2 * shares.count)
        }
    }

    private var levels: [Int32: Level] = [:]
    /// The priorities that have ready tasks, highest first; there are at most 201.
    private var priorities: [Int32] = []
    private var jobs: [JobID: JobQueue] = [:]
    /// Ready tasks of all jobs.
    private(set) var count = 0

    /// Submitters that are remembered.
    var shareCount: Int { levels.values.reduce(0) { $0 + $1.shares.count } }

    /// From now on the job may have ready tasks.
    ///
    /// - Parameter cursor: no image from there on has had an attempt.
    mutating func open(_ job: JobDescription, cursor: UInt32 = 0) {
        jobs[job.id] = JobQueue(priority: job.priority, submitter: job.submitter, cursor: cursor)
    }

    /// The job has no ready tasks any more and gets no others.
    mutating func close(_ job: JobID) {
        guard let queue = jobs[job] else { return }
        count -= queue.count
        if queue.count > 0 { deactivate(job, queue.priority, queue.submitter) }
        jobs[job] = nil
    }

    /// `images` images that wait were added at the job's end.
    mutating func add(unstarted images: Int, to job: JobID) {
        guard images > 0 else { return }
        change(job) { $0.unstartedCount += images }
    }

    /// The task of an image before the cursor is ready: a later one, or one that starts again.
    mutating func push(_ key: TaskKey) {
        change(key.job) { $0.tickets.insert(JobQueue.Ticket(index: key.index, task: key.task)) }
    }

    /// The task is not ready any more. Without effect if it was not.
    mutating func remove(_ key: TaskKey) {
        change(key.job) { $0.tickets.remove(JobQueue.Ticket(index: key.index, task: key.task)) }
    }

    /// Takes out the next task.
    ///
    /// - Parameter isWaiting: whether an image from the cursor on is still to be processed, rather than final at once.
    mutating func popFirst(where isWaiting: (ImageID) -> Bool) -> TaskKey? {
        guard let priority = planted(.priorityIgnored) ? priorities.last : priorities.first,
            let turn = levels[priority]?.turns.first(),
            let job = levels[priority]?.shares[turn.submitter]?.jobs.first()
        else { return nil }
        levels[priority]?.virtualTime = turn.virtualTime
        var key: TaskKey?
        change(job) { queue in
            if let ticket = queue.tickets.popFirst() {
                key = TaskKey(ImageID(job: job, index: ticket.index), ticket.task)
            } else {
                while !isWaiting(ImageID(job: job, index: queue.cursor)) { queue.cursor += 1 }
                key = TaskKey(ImageID(job: job, index: queue.cursor), 0)
                queue.cursor += 1
                queue.unstartedCount -= 1
            }
        }
        return key
    }

    /// The submitter was given `pixels` pixels of work.
    mutating func charge(_ job: JobID, pixels: UInt64) {
        guard let queue = jobs[job] else { return }
        change(level: queue.priority) { level in
            guard var share = level.shares[queue.submitter] else { return }
            let isActive = level.turns.remove(Turn(virtualTime: share.virtualTime, submitter: queue.submitter))
            share.virtualTime += planted(.pixelsNotCharged) ? 1 : max(1, pixels)
            level.shares[queue.submitter]?.virtualTime = share.virtualTime
            level.latestVirtualTime = max(level.latestVirtualTime, share.virtualTime)
            if level.turns.isEmpty && !isActive { level.virtualTime = level.latestVirtualTime }
            if isActive { level.turns.insert(Turn(virtualTime: share.virtualTime, submitter: queue.submitter)) }
        }
    }

    // MARK: Parts

    /// Changes a job's queue and keeps the orders above it true.
    private mutating func change(_ job: JobID, _ change: (inout JobQueue) -> Void) {
        guard let before = jobs[job]?.count else { return }
        change(&jobs[job]!)
        guard let queue = jobs[job] else { return }
        count += queue.count - before
        if before == 0 && queue.count > 0 { activate(job, queue.priority, queue.submitter) }
        if before > 0 && queue.count == 0 { deactivate(job, queue.priority, queue.submitter) }
    }

    private mutating func change(level priority: Int32, _ change: (inout Level) -> Void) {
        change(&levels[priority, default: Level()])
    }

    private mutating func activate(_ job: JobID, _ priority: Int32, _ submitter: String) {
        change(level: priority) { level in
            level.sweep()
            var share = level.shares[submitter] ?? Share(virtualTime: level.virtualTime)
            if share.jobs.isEmpty {
                if !planted(.idleTimeCredited) { share.virtualTime = max(share.virtualTime, level.virtualTime) }
                level.turns.insert(Turn(virtualTime: share.virtualTime, submitter: submitter))
            }
            share.jobs.insert(job)
            level.shares[submitter] = share
        }
        if let position = priorities.firstIndex(where: { $0 <= priority }) {
            if priorities[position] != priority { priorities.insert(priority, at: position) }
        } else {
            priorities.append(priority)
        }
    }

    private mutating func deactivate(_ job: JobID, _ priority: Int32, _ submitter: String) {
        change(level: priority) { level in
            level.shares[submitter]?.jobs.remove(job)
            guard let share = level.shares[submitter], share.jobs.isEmpty else { return }
            level.turns.remove(Turn(virtualTime: share.virtualTime, submitter: submitter))
        }
        if levels[priority]?.turns.isEmpty == true {
            priorities.removeAll { $0 == priority }
        }
    }
}
