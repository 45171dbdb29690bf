import JobModel
import PlantedBugs

/// Blobs that were just stored or looked for, and are not to be deleted before whoever did it could refer to them.
public struct BlobPins {
    public static let duration = Duration.seconds(600)
    public static let sweepInterval = Duration.seconds(1800)

    private var pinnedUntil: [BlobDigest: Instant] = [:]
    private var order: [(digest: BlobDigest, until: Instant)] = []
    private var lastSweep: Instant?

    public init() {}

    public mutating func pin(_ digest: BlobDigest, at now: Instant) {
        let until = now + Self.duration
        pinnedUntil[digest] = until
        order.append((digest, until))
    }

    public func isPinned(_ digest: BlobDigest) -> Bool { pinnedUntil[digest] != nil }

    /// Whether a blob that nothing needed may be deleted: an event since may need it again, or somebody be about to refer to it.
    ///
    /// - Parameter isNeeded: what the scheduler says now.
    public func mayDelete(_ digest: BlobDigest, isNeeded: Bool) -> Bool {
        (!isNeeded && !isPinned(digest)) || planted(.deletesWithoutAsking)
    }

    /// Takes out the pins that have ended.
    public mutating func expired(at now: Instant) -> [BlobDigest] {
        let count = order.prefix { $0.until <= now }.count
        let due = order.prefix(count)
        order.removeFirst(count)
        return due.compactMap { entry in
            // Pinned again since: that later entry ends it.
            guard pinnedUntil[entry.digest] == entry.until else { return nil }
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
