import JobModel
import SeededFaults

/// Reserves worker identifiers in blocks, durably, before one of them is given out: so none is given out twice, though no
/// record names a worker that never held a lease.
public struct WorkerIdentifiers {
    private static let blockSize: UInt64 = 64
    private var reserved: WorkerID

    /// - Parameter reserved: up to where the runs of the master before this one had reserved.
    public init(reserved: WorkerID) { self.reserved = reserved }

    /// The first one that this run of the master may give out.
    public var first: WorkerID { seeded(.workerIdentifiersReused) ? WorkerID(1) : WorkerID(reserved.rawValue + 1) }

    /// Up to where to reserve durably before `next` is given out; `nil` when it is reserved.
    public func blockToReserve(for next: WorkerID) -> WorkerID? {
        next > reserved ? WorkerID(next.rawValue + Self.blockSize - 1) : nil
    }

    /// The block is durable.
    public mutating func reserved(through last: WorkerID) { reserved = max(reserved, last) }
}
