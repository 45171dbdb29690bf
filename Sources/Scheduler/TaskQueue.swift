import JobModel
import SeededFaults

/// All ready tasks, in the order in which they are handed out.
///
/// Priority first. Within a priority the submitters share by the pixels that were handed out to them: each has a virtual
/// time that advances by its pixels, and the one that is furthest behind is next. A submitter that comes back after it had
/// nothing to do does not bring old credit along: it starts at the virtual time of the submitter that was served last (start-time fair
/// queueing: Goyal, Vin and Cheng, 1996). A submitter's small jobs and its batches share in the same way (`SubmitterShare`).
/// Within these the jobs, within a job the images, within an image the tasks come in order.
///
/// Nobody starves. Of any `priorityBurst + 1` tasks handed out in a row, one is of a lower priority, if one has ready tasks, and
/// the lower priorities take turns. Among n submitters of one priority, one that has w pixels of work, in tasks of at most t
/// pixels, waits until the others were given at most (n - 1) * (w + t): its fair share. A task that is tried again is paid for
/// again by its own submitter.
struct TaskQueue: Sendable {
    /// Tasks in a row that may be of the highest priority while a lower one waits.
    static let priorityBurst = 15

    private struct Turn: Hashable, Comparable, Sendable {
        let virtualTime: UInt64
        let submitter: String

        static func < (left: Turn, right: Turn) -> Bool {
            (left.virtualTime, left.submitter) < (right.virtualTime, right.submitter)
        }
    }

    private struct Level: Sendable {
        var shares: [String: SubmitterShare] = [:]
        /// Submitters that have ready tasks.
        var turns = RevocableHeap<Turn>()
        /// Where a newcomer starts: the virtual time of the submitter that was served last.
        var virtualTime: UInt64 = 0
        /// The greatest virtual time of any submitter: where all start again once nothing is ready.
        var latestVirtualTime: UInt64 = 0
        /// When it was served last, as a number of the queue's tasks.
        var lastServed: UInt64 = 0
        /// Shares beyond which those that are idle and owe nothing are swept out.
        var sweepCount = 1_024

        mutating func sweep() {
            guard shares.count >= sweepCount else { return }
            shares = shares.filter { !$0.value.isIdle || $0.value.virtualTime > virtualTime }
            sweepCount = max(1_024, 2 * shares.count)
        }
    }

    private var levels: [Int32: Level] = [:]
    /// The priorities that have ready tasks, highest first; there are at most 201.
    private var priorities: [Int32] = []
    /// Tasks of the highest priority that were taken out in a row while a lower one waited.
    private var burst = 0
    /// Tasks that were taken out.
    private var servedCount: UInt64 = 0
    private var jobs: [JobID: JobQueue] = [:]
    /// Ready tasks of all jobs.
    private(set) var count = 0

    /// Submitters that are remembered.
    var shareCount: Int { levels.values.reduce(0) { $0 + $1.shares.count } }

    /// From now on the job may have ready tasks.
    ///
    /// - Parameter cursor: no image from there on has had an attempt.
    mutating func open(_ job: JobDescription, lane: Lane = .interactive, cursor: UInt32 = 0) {
        jobs[job.id] = JobQueue(priority: job.priority, submitter: job.submitter, lane: lane, cursor: cursor)
    }

    /// The job has grown: from now on it waits in another lane.
    mutating func move(_ job: JobID, to lane: Lane) {
        guard let queue = jobs[job], queue.lane != lane else { return }
        if queue.isActive { deactivate(job, queue) }
        jobs[job]?.lane = lane
        if let queue = jobs[job], queue.isActive { activate(job, queue) }
    }

    /// The job's tasks are left out from now on, until `resume`.
    mutating func setAside(_ job: JobID) { change(job) { $0.isSetAside = true } }
    mutating func resume(_ job: JobID) { change(job) { $0.isSetAside = false } }

    /// The job has no ready tasks any more and gets no others.
    mutating func close(_ job: JobID) {
        guard let queue = jobs[job] else { return }
        count -= queue.count
        if queue.isActive { deactivate(job, queue) }
        jobs[job] = nil
    }

    /// `images` images that wait were added at the job's end.
    mutating func add(unstarted images: Int, to job: JobID) {
        guard images > 0 else { return }
        change(job) { $0.unstartedCount += images }
    }

    /// Reserves capacity for that many tasks of images before the cursor.
    mutating func reserve(_ count: Int, for job: JobID) { change(job) { $0.tickets.reserveCapacity(count) } }

    /// The task of an image before the cursor is ready: a later one, or one that starts again.
    mutating func push(_ key: TaskKey) {
        change(key.job) { $0.tickets.insert(JobQueue.Ticket(index: key.index, task: key.task)) }
    }

    /// The image has to be processed, or processed again, from its first task on.
    mutating func restore(_ image: ImageID) {
        change(image.job) { queue in
            if image.index >= queue.cursor {
                queue.unstartedCount += 1
            } else {
                queue.tickets.insert(JobQueue.Ticket(index: image.index, task: 0))
            }
        }
    }

    /// The task is not ready any more. Without effect if it was not.
    mutating func remove(_ key: TaskKey) {
        change(key.job) { $0.tickets.remove(JobQueue.Ticket(index: key.index, task: key.task)) }
    }

    /// Takes out the next task.
    ///
    /// - Parameter isWaiting: whether an image from the cursor on is still to be processed, rather than final at once.
    mutating func popFirst(where isWaiting: (ImageID) -> Bool) -> TaskKey? {
        guard let priority = seeded(.priorityIgnored, priorities.last, else: nextPriority()),
            let turn = levels[priority]?.turns.first(), let job = levels[priority]?.shares[turn.submitter]?.first()
        else { return nil }
        servedCount += 1
        levels[priority]?.lastServed = servedCount
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
            guard let old = level.shares[queue.submitter]?.virtualTime else { return }
            let isActive = level.turns.remove(Turn(virtualTime: old, submitter: queue.submitter))
            level.shares[queue.submitter]?.charge(seeded(.pixelsNotCharged, 1, else: max(1, pixels)), to: queue.lane)
            let new = level.shares[queue.submitter]?.virtualTime ?? old
            level.latestVirtualTime = max(level.latestVirtualTime, new)
            if level.turns.isEmpty && !isActive { level.virtualTime = level.latestVirtualTime }
            if isActive { level.turns.insert(Turn(virtualTime: new, submitter: queue.submitter)) }
        }
    }

    // MARK: Parts

    /// The highest priority that has ready tasks; once in a while the lower one that was served longest ago.
    private mutating func nextPriority() -> Int32? {
        guard let highest = priorities.first else { return nil }
        if priorities.count == 1 || burst < Self.priorityBurst {
            burst = priorities.count == 1 ? 0 : burst + 1
            return highest
        }
        burst = 0
        return priorities.dropFirst().min { left, right in
            (levels[left]?.lastServed ?? 0, right) < (levels[right]?.lastServed ?? 0, left)
        }
    }

    /// Changes a job's queue and keeps the orders above it true.
    private mutating func change(_ job: JobID, _ change: (inout JobQueue) -> Void) {
        guard let before = jobs[job] else { return }
        let (oldCount, wasActive) = (before.count, before.isActive)
        change(&jobs[job]!)
        guard let queue = jobs[job] else { return }
        count += queue.count - oldCount
        if !wasActive && queue.isActive { activate(job, queue) }
        if wasActive && !queue.isActive { deactivate(job, queue) }
    }

    private mutating func change(level priority: Int32, _ change: (inout Level) -> Void) {
        change(&levels[priority, default: Level()])
    }

    private mutating func activate(_ job: JobID, _ queue: JobQueue) {
        change(level: queue.priority) { level in
            level.sweep()
            var share = level.shares[queue.submitter] ?? SubmitterShare(virtualTime: level.virtualTime)
            if share.isIdle {
                if !seeded(.idleTimeCredited) { share.virtualTime = max(share.virtualTime, level.virtualTime) }
                level.turns.insert(Turn(virtualTime: share.virtualTime, submitter: queue.submitter))
            }
            share.insert(job, in: queue.lane)
            level.shares[queue.submitter] = share
        }
        if let position = priorities.firstIndex(where: { $0 <= queue.priority }) {
            if priorities[position] != queue.priority { priorities.insert(queue.priority, at: position) }
        } else {
            priorities.append(queue.priority)
        }
    }

    private mutating func deactivate(_ job: JobID, _ queue: JobQueue) {
        change(level: queue.priority) { level in
            level.shares[queue.submitter]?.remove(job, from: queue.lane)
            guard let share = level.shares[queue.submitter], share.isIdle else { return }
            level.turns.remove(Turn(virtualTime: share.virtualTime, submitter: queue.submitter))
        }
        if levels[queue.priority]?.turns.isEmpty == true {
            priorities.removeAll { $0 == queue.priority }
        }
    }
}
