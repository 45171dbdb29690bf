/// How large a fleet should be, and how patient it is.
package struct FleetPolicy: Hashable, Sendable {
    /// What the names of its workers begin with, before a hyphen.
    package var name: String
    /// Workers that are always there.
    package var least: Int
    /// Workers that are never exceeded: those that are being started and stopped count.
    package var most: Int
    /// From the start command to the registration.
    package var registerTimeout = Duration.seconds(600)
    /// A worker that has been away for longer does not come back.
    package var lostAfter = Duration.seconds(60)
    /// The fleet shrinks to the most that was wanted in this span.
    package var shrinkAfter = Duration.seconds(300)
    /// After a start or stop that failed; doubled by each one that follows it.
    package var firstPause = Duration.seconds(5)
    package var longestPause = Duration.seconds(300)
    /// Slots of a worker, before one has registered; `nil`: the first one tells.
    package var slotsPerWorker: Int?

    package init(name: String, least: Int, most: Int) {
        self.name = name
        self.least = least
        self.most = most
    }

    /// Whether a worker of this name is of the fleet.
    func owns(_ worker: String) -> Bool { worker.hasPrefix(name + "-") }

    /// The pause after that many failures in a row.
    func pause(after failures: Int) -> Duration {
        min(longestPause, firstPause * (1 << min(max(0, failures - 1), 20)))
    }
}
