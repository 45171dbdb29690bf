import JobModel

/// How often workers are declared dead that are not: a cluster in which nothing worse happens than that processes are stalled,
/// and the network brings nothing, for two seconds at most, and that one message in ten is lost once and sent again.
public struct FalseDeathTrial: Sendable {
    /// Workers that take part.
    static let workerCount = 100
    /// The mean time between two pauses or cuts of one worker.
    static let faultInterval = Duration.seconds(600)
    static let longestFault = Duration.seconds(2)
    /// Nothing else happens to a worker so soon after a fault: two in a row would be one of more than two seconds.
    static let recovery = Duration.seconds(1)
    /// How long TCP takes to send again what was lost.
    static let repetition: ClosedRange<Duration> = .milliseconds(200) ... .milliseconds(400)

    public let nodeHours: Int
    /// All of them false: no worker dies.
    public let deaths: Int

    /// - Parameter nodeHours: hours of the cluster times its 100 workers.
    public static func run(seed: UInt64, nodeHours: Int) -> FalseDeathTrial {
        let simulation = Simulation(seed: seed)
        let deaths = simulation.countDeaths(for: .seconds(3_600 * max(1, nodeHours / workerCount)))
        return FalseDeathTrial(nodeHours: max(1, nodeHours / workerCount) * workerCount, deaths: deaths)
    }
}

extension Simulation {
    fileprivate func countDeaths(for duration: Duration) -> Int {
        isLossy = true
        isFaulty = false
        setUpWorkers(FalseDeathTrial.workerCount)
        let end = timeline.now + duration
        var recovered = [Instant](repeating: timeline.now, count: FalseDeathTrial.workerCount)
        while timeline.now < end && violation == nil {
            pass(until: min(end, timeline.now + random.draw(.zero...pause * 2)))
            let worker = random.draw(0...(FalseDeathTrial.workerCount - 1))
            guard recovered[worker] <= timeline.now else { continue }
            recovered[worker] = disturb(worker) + FalseDeathTrial.recovery
        }
        return deathsDeclared
    }

    private var pause: Duration { FalseDeathTrial.faultInterval / FalseDeathTrial.workerCount }

    /// - Returns: until when.
    private func disturb(_ worker: Int) -> Instant {
        let until = timeline.now + random.draw(.milliseconds(1)...FalseDeathTrial.longestFault)
        let now = timeline.now
        switch random.draw(0...3) {
        case 0: workers[worker].pausedUntil = until
        case 1: network.links[.worker(worker)] = Network.Link(toMasterCutUntil: until, toPeerCutUntil: until)
        case 2: network.links[.worker(worker)] = Network.Link(toMasterCutUntil: until, toPeerCutUntil: now)
        default: network.links[.worker(worker)] = Network.Link(toMasterCutUntil: now, toPeerCutUntil: until)
        }
        return until
    }
}
