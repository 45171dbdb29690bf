import JobModel
import SeededFaults

/// The present connection of each registered worker. What another connection says is not that worker's word any more.
public struct WorkerLinks<Link: Equatable> {
    private var links: [WorkerID: Link] = [:]

    public init() {}

    public var count: Int { links.count }
    public subscript(worker: WorkerID) -> Link? { links[worker] }

    /// The worker has registered on the link.
    ///
    /// - Returns: the one that it had before, to be closed; its end will not matter.
    public mutating func registered(_ worker: WorkerID, on link: Link) -> Link? {
        guard let old = links.updateValue(link, forKey: worker), old != link else { return nil }
        return old
    }

    /// Whether what the link says is the worker's word.
    public func isPresent(_ worker: WorkerID, on link: Link) -> Bool { links[worker] == link }

    /// A link has ended.
    ///
    /// - Returns: whether the worker is disconnected by it, which the scheduler must hear.
    public mutating func ended(_ worker: WorkerID, _ link: Link) -> Bool {
        let isPresent = isPresent(worker, on: link)
        if isPresent { links[worker] = nil }
        let isWorkersOwn = seeded(.oldConnectionEndsNewOne, true, else: isPresent)
        return seeded(.disconnectForgotten, false, else: isWorkersOwn)
    }

    /// The scheduler has declared the worker dead.
    ///
    /// - Returns: its link, to be closed.
    public mutating func declaredDead(_ worker: WorkerID) -> Link? { links.removeValue(forKey: worker) }
}
