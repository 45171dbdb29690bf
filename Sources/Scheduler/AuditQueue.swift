import JobModel

/// Finished tasks that wait for a second opinion.
///
/// An audit has the lowest rank: an idle slot gets it when no other task is ready. One that has waited for `auditDelay` waits in
/// line with its job's other tasks (`TaskQueue`), so that its submitter's share pays for it and bounds how long it waits. When
/// its turn comes and the worker with room is one whose opinion is known, it is *urgent*: the next other worker with room
/// gets it.
struct AuditQueue: Sendable {
    enum Place: Hashable, Sendable {
        /// Waits for an idle slot, until it is looked at again.
        case idle(until: Instant)
        /// Waits in the queue of ready tasks.
        case inLine
        /// Waits for the next worker with room that suits, and is not looked at before.
        case urgent(notBefore: Instant)
    }

    private struct Entry: Sendable {
        let since: Instant
        let isDisputed: Bool
        var place: Place
    }

    private struct Turn: Hashable, Comparable, Sendable {
        let due: Instant
        let key: TaskKey

        static func < (left: Turn, right: Turn) -> Bool { (left.due, left.key) < (right.due, right.key) }
    }

    private var entries: [TaskKey: Entry] = [:]
    private var idle = RevocableHeap<Turn>()
    private var urgent = RevocableHeap<Turn>()
    private var inLineCount = 0
    private(set) var disputedCount = 0
    var isAlarmSet = false

    var count: Int { entries.count }

    func contains(_ key: TaskKey) -> Bool { entries[key] != nil }

    /// Since when the task waits for this opinion; `nil` when it does not.
    func since(_ key: TaskKey) -> Instant? { entries[key]?.since }

    /// When the first of those that wait for an idle slot is to be looked at.
    mutating func nextDue() -> Instant? { idle.first()?.due }

    /// - Parameter isDisputed: whether two workers gave different results.
    mutating func insert(_ key: TaskKey, since: Instant, isDisputed: Bool, due: Instant) {
        guard entries[key] == nil else { return }
        entries[key] = Entry(since: since, isDisputed: isDisputed, place: .idle(until: due))
        if isDisputed { disputedCount += 1 }
        idle.insert(Turn(due: due, key: key))
    }

    /// The task waits no more. Without effect if it did not.
    mutating func remove(_ key: TaskKey) {
        guard let entry = entries.removeValue(forKey: key) else { return }
        if entry.isDisputed { disputedCount -= 1 }
        leave(entry.place, key)
    }

    /// The task waits in another place.
    mutating func move(_ key: TaskKey, to place: Place) {
        guard let entry = entries[key] else { return }
        leave(entry.place, key)
        entries[key]?.place = place
        switch place {
        case .idle(let due): idle.insert(Turn(due: due, key: key))
        case .inLine: inLineCount += 1
        case .urgent(let due): urgent.insert(Turn(due: due, key: key))
        }
    }

    /// The task was taken out of the queue of ready tasks.
    ///
    /// - Returns: whether it is an audit that waited in line there.
    mutating func leaveLine(_ key: TaskKey) -> Bool {
        guard inLineCount > 0, entries[key]?.place == .inLine else { return false }
        move(key, to: .urgent(notBefore: .zero))
        return true
    }

    var urgentCount: Int { urgent.count }

    func isUrgent(_ key: TaskKey) -> Bool { if case .urgent = entries[key]?.place { true } else { false } }

    /// The urgent audit finds no worker now. Without effect if it is not urgent.
    mutating func postpone(_ key: TaskKey, until due: Instant) {
        if isUrgent(key) { move(key, to: .urgent(notBefore: due)) }
    }

    /// Those that wait in line, at most `limit`. Looks at all.
    func inLine(limit: Int) -> [TaskKey] {
        inLineCount == 0 ? [] : entries.filter { $0.value.place == .inLine }.keys.sorted().prefix(limit).map { $0 }
    }

    /// Those that wait for an idle slot and are to be looked at by `now`, at most `limit`.
    mutating func due(by now: Instant, limit: Int) -> [TaskKey] { Self.due(in: &idle, by: now, limit) }

    /// The urgent ones that are to be looked at, at most `limit`.
    mutating func urgentDue(by now: Instant, limit: Int) -> [TaskKey] { Self.due(in: &urgent, by: now, limit) }

    private static func due(in heap: inout RevocableHeap<Turn>, by now: Instant, _ limit: Int) -> [TaskKey] {
        var due: [Turn] = []
        while due.count < limit, let turn = heap.first(), turn.due <= now, let popped = heap.popFirst() {
            due.append(popped)
        }
        for turn in due { heap.insert(turn) }
        return due.map(\.key)
    }

    /// The first that wait for an idle slot, at most `limit`.
    mutating func firstIdle(limit: Int) -> [TaskKey] { due(by: Instant(nanoseconds: .max), limit: limit) }

    private mutating func leave(_ place: Place, _ key: TaskKey) {
        switch place {
        case .idle(let due): idle.remove(Turn(due: due, key: key))
        case .inLine: inLineCount -= 1
        case .urgent(let due): urgent.remove(Turn(due: due, key: key))
        }
    }
}

/// When results can no longer be withdrawn: first in, first out, because all can be for equally long.
struct SettlingQueue: Sendable {
    private var endings: [(job: JobID, due: Instant)] = []
    private var first = 0
    var isAlarmSet = false

    var nextDue: Instant? { first < endings.count ? endings[first].due : nil }

    mutating func append(_ job: JobID, due: Instant) { endings.append((job, due)) }

    /// How many results of each job are due, in the order of jobs.
    mutating func takeDue(by now: Instant) -> [(job: JobID, count: UInt32)] {
        var counts: [JobID: UInt32] = [:]
        while first < endings.count, endings[first].due <= now {
            counts[endings[first].job, default: 0] += 1
            first += 1
        }
        if first > endings.count / 2 {
            endings.removeFirst(first)
            first = 0
        }
        return counts.sorted { $0.key < $1.key }.map { (job: $0.key, count: $0.value) }
    }
}
