import JobModel
import SeededFaults

/// The room for results, and what has been promised of it.
///
///     |<------------------- room, as measured last ------------------->|
///     |  promised: what open leases and assemblies will store  |  free  |
///
/// A task is granted only if what it stores fits into what is free. So no result is computed that finds no place, unless
/// somebody else fills the disk: then its worker waits with it.
///
/// *Short* is the state in which a task waits for room, or what is promised does not fit. It lasts until neither has been the
/// case for `StorageRoom.calm`, so that a disk which is just about full is not reported again and again.
struct StorageRoom: Sendable {
    static let calm = Duration.seconds(10)

    /// Bytes that tasks may store; `nil` before it was measured: then there is no limit.
    private(set) var byteCount: UInt64?
    /// Bytes that open leases and assemblies are going to store.
    private(set) var promised: UInt64 = 0
    private(set) var shortage: StorageShortage?
    /// Since when the shortage lasts, or since an image was put off for it.
    var shortSince = Instant.zero
    private var latestShortage = Instant.zero
    /// Tasks that were held up in the present span, and when that began. A queue of a million tasks is not to be gone through at
    /// every heartbeat because none of them finds room.
    private var held = (since: Instant.zero, count: 0)
    private static let heldPerSpan = 64
    private static let span = Duration.milliseconds(100)

    /// Whether enough tasks were held up just now: the others wait without being looked at.
    func isExhausted(at now: Instant) -> Bool {
        held.count >= Self.heldPerSpan && now - held.since < Self.span
    }

    /// Whether somebody who stores that many bytes has to wait for room, whatever is promised to others.
    func isTooSmall(for byteCount: UInt64) -> Bool { self.byteCount.map { $0 < byteCount } ?? false }

    /// Whether that many bytes more can be promised.
    func fits(_ need: UInt64) -> Bool {
        guard let byteCount else { return true }
        return promised.addingClamped(need) <= byteCount
    }

    mutating func promise(_ need: UInt64) { promised = promised.addingClamped(need) }

    /// What was promised is stored, or will not be.
    ///
    /// - Parameter stored: the bytes of it that were stored since the room was measured last.
    mutating func release(_ need: UInt64, stored: UInt64) {
        promised -= min(promised, need)
        if let byteCount { self.byteCount = byteCount - min(byteCount, min(stored, need)) }
    }

    /// A task waits because its result finds no place.
    ///
    /// - Returns: whether the shortage began.
    mutating func heldUp(need: UInt64, at now: Instant) -> Bool {
        if now - held.since >= Self.span { held = (now, 0) }
        held.count += 1
        return begin(StorageShortage(need: promised.addingClamped(need), have: byteCount ?? .max), at: now)
    }

    /// - Returns: whether the shortage began or ended.
    mutating func measured(_ byteCount: UInt64, at now: Instant) -> Bool {
        if byteCount > self.byteCount ?? 0 { held.count = 0 }
        self.byteCount = byteCount
        if promised > byteCount { return begin(StorageShortage(need: promised, have: byteCount), at: now) }
        guard let shortage else { return false }
        guard now - latestShortage >= Self.calm else {
            self.shortage = StorageShortage(need: shortage.need, have: byteCount)
            return false
        }
        self.shortage = nil
        return true
    }

    private mutating func begin(_ shortage: StorageShortage, at now: Instant) -> Bool {
        latestShortage = now
        defer { self.shortage = shortage }
        if self.shortage == nil { shortSince = now }
        return self.shortage == nil
    }
}

/// Results find no place.
public struct StorageShortage: Hashable, Sendable {
    /// Bytes that are to be stored: what is computed already, and the task that waits.
    public let need: UInt64
    /// Bytes that tasks may store.
    public let have: UInt64
}

extension Scheduler {
    /// Why tasks wait for room at the master; `nil` while there is enough.
    public var storageShortage: StorageShortage? { storage.shortage }

    /// The shell looked how many bytes tasks may store, what is reserved for other things left out. It looks about once a
    /// second, and whenever a blob of a task was rejected for lack of room.
    public mutating func storageMeasured(_ byteCount: UInt64, at now: Moment, into decision: inout Decision) {
        let now = clockRead(now)
        if storage.measured(byteCount, at: now.instant) { storageChanged(at: now, into: &decision) }
        stopClocks(at: now)
        putOffAnImage(at: now, into: &decision)
        finishEvent(at: now, into: &decision)
    }

    /// Time in which a worker has to wait for room is none in which its attempt could make progress.
    private mutating func stopClocks(at now: Moment) {
        guard storage.shortage != nil, !seeded(.hungWhileDiskIsFull) else { return }
        for (id, lease) in leases where storage.isTooSmall(for: lease.storageByteCount) {
            leases[id]?.progressAt = now.instant
        }
    }

    /// Whether what the task stores finds a place. If not, it waits, and the shortage is noted.
    mutating func findsRoom(_ key: TaskKey, at now: Moment, into decision: inout Decision) -> Bool {
        let need = storageByteCount(of: key)
        // An image that was put off lets the others end first.
        if storage.shortage != nil, putOff.contains(key.image), ledger.totals.begunTasks > 0 { return false }
        if seeded(.fullDiskIgnored, true, else: storage.fits(need)) { return true }
        if storage.heldUp(need: need, at: now.instant) { storageChanged(at: now, into: &decision) }
        return false
    }

    /// The task is looked at again in a second, and so is its job, once enough tasks of it wait: others may have smaller ones.
    mutating func waitForRoom(_ key: TaskKey, at now: Moment) {
        let due = now.instant + Self.placementDelay
        delay(key, until: due)
        heldTasks[key.job, default: 0] += 1
        guard heldTasks[key.job] == configuration.heldTasksPerJob else { return }
        queue.setAside(key.job)
    }

    /// The time of a task that waited is over.
    mutating func roomAwaited(_ key: TaskKey) {
        guard heldTasks.removeValue(forKey: key.job) != nil else { return }
        if !seeded(.jobStaysAside) { queue.resume(key.job) }
    }

    /// Images that were begun together can fill the disk with rows, so that none of them finds room for its next task. When
    /// nothing has been under way for a while but what waits for room itself, the last one begun starts over, after the others.
    mutating func putOffAnImage(at now: Moment, into decision: inout Decision) {
        guard storage.shortage != nil, now.instant - storage.shortSince >= Self.patienceForRoom else { return }
        guard leases.values.allSatisfy({ storage.isTooSmall(for: $0.storageByteCount) }),
            assembling.values.allSatisfy({ storage.isTooSmall(for: $0) })
        else { return }
        storage.shortSince = now.instant
        var begun = 0
        var last: ImageID?
        for job in ledger.jobOrder {
            for index in ledger.jobs[job]?.progress.keys.sorted() ?? []
            where ledger.jobs[job]?.progress[index]?.intermediates.isEmpty == false {
                begun += 1
                let image = ImageID(job: job, index: index)
                if assembling[image] == nil { last = image }
            }
        }
        guard begun > 1, let last, !seeded(.imageNotPutOff) else { return }
        withdraw(last, .imageRestarted, at: now, into: &decision)
        commit(.imageRestarted(last), into: &decision)
        queue.restore(last)
        putOff.insert(last)
        totals.imagesPutOff += 1
        decision.noteChange(of: last.job)
    }

    private static var patienceForRoom: Duration { .seconds(60) }

    /// Tells the watchers of all jobs that have not ended. When the shortage is over, attempts have their whole time again.
    private mutating func storageChanged(at now: Moment, into decision: inout Decision) {
        for job in ledger.jobOrder where ledger.jobs[job]?.state.isFinal == false { decision.noteChange(of: job) }
        guard storage.shortage == nil else { return }
        for id in Array(leases.keys) { leases[id]?.progressAt = now.instant }
    }
}

extension UInt64 {
    func addingClamped(_ other: UInt64) -> UInt64 {
        let (sum, overflows) = addingReportingOverflow(other)
        return overflows ? .max : sum
    }
}
