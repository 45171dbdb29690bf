/// What the state machine counts besides its scheduler.
public struct MachineCounters: Hashable, Sendable {
    /// Blobs in the store.
    public internal(set) var blobsPresent = 0
    /// Blobs that are kept because a peer is about to refer to them.
    public internal(set) var blobsPinned = 0
    /// Results that can answer identical requests.
    public internal(set) var resultsKept = 0
    /// Jobs that are not complete yet.
    public internal(set) var jobsUnsealed = 0
    /// Jobs that have ended and are not forgotten.
    public internal(set) var jobsKept = 0
    /// Uploaded bytes to which no image refers yet.
    public internal(set) var unclaimedByteCount: UInt64 = 0

    public init() {}
}

extension Master {
    public var counters: MachineCounters {
        var counters = MachineCounters()
        counters.blobsPresent = store.count
        counters.blobsPinned = pins.count + sought.count
        counters.resultsKept = results.count
        counters.jobsUnsealed = unsealed.count
        counters.jobsKept = kept.count
        counters.unclaimedByteCount = unclaimed.byteCount
        return counters
    }
}
