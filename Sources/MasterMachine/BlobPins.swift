import JobModel
import SeededFaults

/// Blobs that were just stored or looked for, and are not to be deleted before whoever did it could refer to them.
///
/// What is for a job stays as long as the job is incomplete, however slowly the rest of its files arrives.
public struct BlobPins {
    public static let duration = Duration.seconds(600)
    public static let sweepInterval = Duration.seconds(1800)

    private struct Pin {
        let digest: BlobDigest
        let until: Instant
        let job: JobID?
    }

    private var pinnedUntil: [BlobDigest: Instant] = [:]
    private var order: [Pin] = []
    private var lastSweep: Instant?

    public init() {}

    /// - Parameter job: the job that the blob is for, if that is known.
    public mutating func pin(_ digest: BlobDigest, for job: JobID? = nil, at now: Instant) {
        let until = now + Self.duration
        pinnedUntil[digest] = until
        order.append(Pin(digest: digest, until: until, job: job))
    }

    public func isPinned(_ digest: BlobDigest) -> Bool { pinnedUntil[digest] != nil }

    /// Whether a blob that nothing needed may be deleted: an event since may need it again, or somebody be about to refer to it.
    ///
    /// - Parameter isNeeded: what the scheduler says now.
    public func mayDelete(_ digest: BlobDigest, isNeeded: Bool) -> Bool {
        (!isNeeded && !isPinned(digest)) || seeded(.deletesWithoutAsking)
    }

    /// Takes out the pins that have ended; those of incomplete jobs begin anew.
    public mutating func expired(at now: Instant, isIncomplete: (JobID) -> Bool) -> [BlobDigest] {
        let count = order.prefix { $0.until <= now }.count
        let due = order.prefix(count)
        order.removeFirst(count)
        return due.compactMap { entry in
            // Pinned again since: that later entry ends it.
            guard pinnedUntil[entry.digest] == entry.until else { return nil }
            if let job = entry.job, isIncomplete(job) {
                pin(entry.digest, for: job, at: now)
                return nil
            }
            pinnedUntil[entry.digest] = nil
            return entry.digest
        }
    }

    /// Whether it is time to look for files that nobody refers to; true once an interval.
    public mutating func isSweepDue(at now: Instant) -> Bool {
        guard let last = lastSweep, now - last < Self.sweepInterval else {
            lastSweep = now
            return true
        }
        return false
    }
}
