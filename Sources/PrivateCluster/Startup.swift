/// The start of daemons until all of them serve. Performs no I/O, reads no clock.
///
/// ```
///            begin               the master is ready                      all are ready
///    idle ----------> master --------------------------> worker and page --------------> up
///                        |                                      |
///                        +--- one has ended, or is late, ------>+-----> failed: the rest is stopped, the newest first
///                             or the person interrupts
/// ```
/// A start without a master begins with the others.
package struct Startup: Sendable {
    package enum Action: Hashable, Sendable {
        case start(DaemonRole)
        /// Stop these, which this start has begun, in this order.
        case stop([DaemonRole])
        /// All serve.
        case finish
    }

    package enum Failure: Hashable, Sendable {
        case ended(DaemonRole)
        case late(DaemonRole)
        case interrupted
    }

    private var waiting: [DaemonRole]
    private var started: [DaemonRole] = []
    private var unready: Set<DaemonRole> = []
    /// Why the start failed, once it has.
    package private(set) var failure: Failure?

    /// - Parameter starting: the daemons to start, in order.
    package init(starting: [DaemonRole]) { waiting = starting }

    package mutating func begin() -> [Action] { next() }

    package mutating func ready(_ role: DaemonRole) -> [Action] {
        guard failure == nil else { return [] }
        unready.remove(role)
        return next()
    }

    /// A daemon of this start has ended, also one that was ready before.
    package mutating func ended(_ role: DaemonRole) -> [Action] { fail(.ended(role)) }

    /// The time for the start is over.
    package mutating func timeIsOver() -> [Action] {
        guard let role = started.first(where: unready.contains) else { return [] }
        return fail(.late(role))
    }

    package mutating func interrupted() -> [Action] { fail(.interrupted) }

    private mutating func next() -> [Action] {
        // The others need the master's address.
        guard unready.isEmpty || !unready.contains(.master) else { return [] }
        guard !waiting.isEmpty else { return unready.isEmpty ? [.finish] : [] }
        let batch = waiting.first == .master ? [.master] : waiting
        waiting.removeFirst(batch.count)
        started += batch
        unready.formUnion(batch)
        return batch.map { .start($0) }
    }

    private mutating func fail(_ reason: Failure) -> [Action] {
        // What is stopped ends, too.
        guard failure == nil else { return [] }
        failure = reason
        return [.stop(started.reversed())]
    }
}
