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
/// case for `StorageRoom.calm`, so that a disk which is just about full is not reported again and again. While it lasts, no
/// attempt ends for want of progress: its worker may be waiting for room.
struct StorageRoom: Sendable {
    static let calm = Duration.seconds(10)

    /// Bytes that tasks may store; `nil` before it was measured: then there is no limit.
    private(set) var byteCount: UInt64?
    /// Bytes that open leases and assemblies are going to store.
    private(set) var promised: UInt64 = 0
    private(set) var shortage: StorageShortage?
    private var latestShortage = Instant.zero
    /// Tasks that were held up within a second, and when that began. A queue of a million tasks is not to be gone through at
    /// every heartbeat because none of them finds room.
    private var held = (since: Instant.zero, count: 0)
    private static let heldPerSecond = 64

    /// Whether enough tasks were held up just now: the others wait without being looked at.
    func isExhausted(at now: Instant) -> Bool {
        held.count >= Self.heldPerSecond && now - held.since < .seconds(1)
    }

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
        if now - held.since >= .seconds(1) { held = (now, 0) }
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
        finishEvent(at: now, into: &decision)
    }

    /// Whether what the task stores finds a place. If not, it waits, and the shortage is noted.
    mutating func findsRoom(_ key: TaskKey, at now: Moment, into decision: inout Decision) -> Bool {
        let need = storageByteCount(of: key)
        if seeded(.fullDiskIgnored, true, else: storage.fits(need)) { return true }
        if storage.heldUp(need: need, at: now.instant) { storageChanged(at: now, into: &decision) }
        return false
    }

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
