import JobModel

/// Blobs of the store that were just stored, reported, or sought for a job. They are not to be deleted before the peer that did it
/// could refer to them. What is not in the store is not pinned: there is nothing to keep.
///
/// A blob for a job stays pinned as long as the job is incomplete, however slowly the rest of its files arrives. Pinning a blob
/// again renews its pin and takes no memory: each pinned blob has one entry in the queue of ends.
public struct BlobPins {
    public static let duration = Duration.seconds(600)
    public static let sweepInterval = Duration.seconds(1800)

    private struct Pin {
        var until: Instant
        /// The job that the blob was pinned for last, if that is known.
        var job: JobID?
    }

    /// When a pin is to be looked at. It may have been renewed since.
    private struct End {
        let digest: BlobDigest
        let due: Instant
    }

    private var pins: [BlobDigest: Pin] = [:]
    /// One for each pin, in the order in which they were appended: nearly that of `due`.
    private var ends = Queue<End>()
    private var lastSweep: Instant?

    public init() {}

    /// Pinned blobs.
    var count: Int { pins.count }
    /// Entries of the queue, for the tests of its bound.
    var endCount: Int { ends.count }

    /// - Parameter job: the job that the blob is for, if that is known.
    public mutating func pin(_ digest: BlobDigest, for job: JobID? = nil, at now: Instant) {
        let until = now + Self.duration
        if pins.updateValue(Pin(until: until, job: job), forKey: digest) == nil {
            ends.append(End(digest: digest, due: until))
        }
    }

    public func isPinned(_ digest: BlobDigest) -> Bool { pins[digest] != nil }

    /// Takes out the pins that have ended; those for incomplete jobs are renewed.
    ///
    /// A pin that was renewed ends behind those that were ahead of its new entry in the queue: at most `duration` late.
    public mutating func expired(at now: Instant, isIncomplete: (JobID) -> Bool) -> [BlobDigest] {
        var expired: [BlobDigest] = []
        while let end = ends.first, end.due <= now {
            ends.removeFirst()
            guard var pin = pins[end.digest] else { continue }
            if pin.until <= now, let job = pin.job, isIncomplete(job) {
                pin.until = now + Self.duration
                pins[end.digest] = pin
            }
            if pin.until > now {
                ends.append(End(digest: end.digest, due: pin.until))
            } else {
                pins[end.digest] = nil
                expired.append(end.digest)
            }
        }
        return expired
    }

    /// Whether it is time to look for files that nothing refers to; true once per interval.
    public mutating func isSweepDue(at now: Instant) -> Bool {
        guard let last = lastSweep, now - last < Self.sweepInterval else {
            lastSweep = now
            return true
        }
        return false
    }
}
